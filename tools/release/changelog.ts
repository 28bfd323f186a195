/** Sections of CHANGELOG.md, and the notes of a release made of them. */

/** The text below a second-level heading, which may name a date behind the version; undefined without the heading. */
export function sectionOf(changelog: string, title: string): string | undefined {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((text) => text.split(/\s/, 1)[0] === title);
  return section?.slice(section.indexOf("\n") + 1).trim();
}

/**
 * The notes of a release, as Markdown. Links into the repository lead to its files of this release; where the
 * repository has no address, their words stay.
 */
export function releaseNotes(section: string, version: string, repository?: string): string {
  const text = section
    .replace(/^###/gm, "##")
    .replace(/\[([^\]]+)\]\((?![a-z]+:|#)([^)]+)\)/g, (_link, words: string, path: string) =>
      repository === undefined ? words : `[${words}](${repository}/blob/v${version}/${path})`,
    );
  return `# Holdfast ${version}\n\n${text}\n`;
}

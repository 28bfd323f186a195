/** Reads the templates of pull requests of a commit with the host's git. */
import type { ForgeKind } from "../forges/forge.ts";
import {
  defaultName,
  isDefaultTemplate,
  isTemplateFolder,
  type PullRequestTemplate,
  templateFolders,
  templateName,
} from "../forges/templates.ts";
import type { Git } from "../git/git.ts";
import { studioLimits } from "../limits.ts";

interface Entry {
  readonly type: string;
  readonly path: string;
  readonly name: string;
}

/** The templates of a commit, the one that a pull request begins with first. What cannot be read is left out. */
export async function readTemplates(
  git: Git,
  hostGit: string,
  commit: string,
  kind: ForgeKind,
): Promise<readonly PullRequestTemplate[]> {
  const found: { readonly name: string; readonly path: string }[] = [];
  for (const folder of templateFolders(kind)) {
    const entries = await list(git, hostGit, commit, folder);
    const single = entries.find(({ type, name }) => type === "blob" && isDefaultTemplate(kind, name));
    if (single !== undefined) found.push({ name: defaultName, path: single.path });
    const several = entries.find(({ type, name }) => type === "tree" && isTemplateFolder(kind, name));
    if (several === undefined) continue;
    for (const { type, name, path } of await list(git, hostGit, commit, `${several.path}/`)) {
      const shown = type === "blob" ? templateName(kind, name) : undefined;
      if (shown !== undefined) found.push({ name: shown, path });
    }
  }
  const named = new Map<string, string>();
  // The first place of a name wins, and the default comes first.
  for (const { name, path } of found.toSorted(
    (a, b) => Number(b.name === defaultName) - Number(a.name === defaultName),
  ))
    if (!named.has(name) && named.size < studioLimits.maxPullRequestTemplates) named.set(name, path);
  const templates: PullRequestTemplate[] = [];
  for (const [name, path] of named) {
    const maxOutputBytes = studioLimits.maxPullRequestTemplateBytes;
    const args = ["--git-dir", hostGit, "cat-file", "blob", `${commit}:${path}`];
    const text = await git.text(args, { maxOutputBytes }).catch(() => "");
    const body = text.replaceAll("\r\n", "\n").trim();
    if (body !== "") templates.push({ name, body });
  }
  return templates;
}

async function list(git: Git, hostGit: string, commit: string, folder: string): Promise<readonly Entry[]> {
  const paths = folder === "" ? [] : ["--", folder];
  const args = ["--git-dir", hostGit, "ls-tree", "-z", commit, ...paths];
  const lines = await git.text(args);
  return lines.split("\0").flatMap((line) => {
    const [, type = "", path = ""] = /^\d+ (\w+) \w+\t(.+)$/s.exec(line) ?? [];
    return path === "" ? [] : [{ type, path, name: path.slice(path.lastIndexOf("/") + 1) }];
  });
}

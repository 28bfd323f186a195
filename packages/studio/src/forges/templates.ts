/** Where forges look for the text that a new pull request begins with. */
import type { ForgeKind } from "./forge.ts";

export interface PullRequestTemplate {
  /** Of the file, without its ending; "Default" for the one that every pull request begins with. */
  readonly name: string;
  readonly body: string;
}

/** Folders in which a repository may have a file with the template, and a folder of several; the first one first. */
const places: Readonly<Record<ForgeKind, readonly string[]>> = {
  github: [".github/", "", "docs/"],
  gitea: [".gitea/", "", "docs/", ".github/"],
  gitlab: [".gitlab/"],
};

/** The folders to list, each with a slash at its end; "" is the top of the repository. */
export function templateFolders(kind: ForgeKind): readonly string[] {
  return places[kind];
}

/** True for a folder of several templates among the entries of a folder. */
export function isTemplateFolder(kind: ForgeKind, name: string): boolean {
  return (kind === "gitlab" ? /^merge_request_templates$/i : /^pull_request_template$/i).test(name);
}

/** True for the file that every pull request begins with. */
export function isDefaultTemplate(kind: ForgeKind, name: string): boolean {
  return kind !== "gitlab" && /^pull_request_template(?:\.(?:md|markdown|txt))?$/i.test(name);
}

/** The name of one of several templates; undefined for a file that is none. */
export function templateName(kind: ForgeKind, name: string): string | undefined {
  const [, shown] = /^(.{1,100})\.(?:md|markdown|txt)$/i.exec(name) ?? [];
  return kind === "gitlab" && shown?.toLowerCase() === "default" ? defaultName : shown;
}

export const defaultName = "Default";

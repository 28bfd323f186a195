import { existsSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Git } from "./git.ts";

/** What the clones of a repository take over from its configuration. */
export interface CloneSettings {
  /** Name and email of the agent's commits: the repository's setting, or the global one. */
  readonly identity: { readonly name: string; readonly email: string };
  /** Git fetches only between repositories with the same hash function. */
  readonly objectFormat: string;
}

const pattern = "^(user\\.(name|email)|extensions\\.objectformat)$";

export async function readCloneSettings(git: Git, repository: string): Promise<CloneSettings> {
  const own = await read(git, ["-C", repository, "config", "-z", "--local", "--get-regexp", pattern]);
  const personal = join(homedir(), ".gitconfig");
  const isComplete = own.has("user.name") && own.has("user.email");
  const global =
    isComplete || !existsSync(personal)
      ? new Map<string, string>()
      : await read(git, ["config", "-z", "--global", "--get-regexp", pattern], personal);
  return {
    identity: {
      name: (own.get("user.name") ?? global.get("user.name")) || "Holdfast agent",
      email: (own.get("user.email") ?? global.get("user.email")) || "agent@holdfast.invalid",
    },
    objectFormat: own.get("extensions.objectformat") ?? "sha1",
  };
}

/** The last value of each key, as git takes it. */
async function read(git: Git, args: readonly string[], personal?: string): Promise<Map<string, string>> {
  const env = personal === undefined ? {} : { env: { GIT_CONFIG_GLOBAL: personal } };
  const { stdout } = await git.status(args, env);
  const entries = stdout.toString("utf8").split("\0").slice(0, -1);
  return new Map(
    entries.map((entry): [string, string] => {
      const end = entry.indexOf("\n");
      return end < 0 ? [entry, ""] : [entry.slice(0, end), entry.slice(end + 1)];
    }),
  );
}

/** Sets the name and email in a git directory that was just made, and that no jail has seen. */
export async function writeIdentity(
  gitDirectory: string,
  { name, email }: CloneSettings["identity"],
): Promise<void> {
  const section = `[user]\n\tname = ${quoted(name)}\n\temail = ${quoted(email)}\n`;
  await appendFile(join(gitDirectory, "config"), section);
}

/** A value as git's configuration files have it: https://git-scm.com/docs/git-config#_syntax */
function quoted(value: string): string {
  const escapes: Readonly<Record<string, string>> = { "\n": "\\n", "\t": "\\t", "\b": "\\b" };
  return `"${value.replace(/["\\\n\t\b]/g, (character) => escapes[character] ?? `\\${character}`)}"`;
}

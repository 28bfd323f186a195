import type { Dirent } from "node:fs";
import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";

/** A secret in every form in which it could slip out, as the bytes to look for. */
export class Secret {
  readonly #forms: readonly { readonly name: string; readonly bytes: Buffer }[];

  constructor(value: string) {
    const bytes = Buffer.from(value);
    const forms: [string, string][] = [
      ["plain", value],
      ["reversed", [...value].reverse().join("")],
      ["hex", bytes.toString("hex")],
      ["HEX", bytes.toString("hex").toUpperCase()],
      ["URL", encodeURIComponent(value)],
    ];
    // Base64 depends on where the secret starts within three bytes; the rims depend on what is beside it.
    for (const offset of [0, 1, 2]) {
      const padded = Buffer.concat([Buffer.alloc(offset), bytes]);
      for (const encoding of ["base64", "base64url"] as const) {
        const text = padded.toString(encoding).replaceAll("=", "");
        forms.push([`${encoding} at ${offset}`, text.slice(4, -3)]);
      }
    }
    this.#forms = forms.map(([name, text]) => ({ name, bytes: Buffer.from(text) }));
  }

  /** Names of the forms in which the secret is in `content`. */
  formsIn(content: Buffer | string): readonly string[] {
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    return this.#forms.filter((form) => bytes.includes(form.bytes)).map((form) => form.name);
  }
}

/** Where a secret is in the files below `directory`: "path (form)", none when all is well. */
export async function findInFiles(directory: string, secret: Secret): Promise<readonly string[]> {
  const found: string[] = [];
  let searched = 0;
  for await (const entry of entriesBelow(directory)) {
    const path = join(entry.parentPath, entry.name);
    const content = await unlessGone<Buffer | string>(
      entry.isSymbolicLink() ? readlink(path) : entry.isFile() ? readFile(path) : undefined,
    );
    if (content === undefined) continue;
    searched += 1;
    for (const form of [...secret.formsIn(content), ...secret.formsIn(path)]) found.push(`${path} (${form})`);
  }
  if (searched === 0) throw new Error(`there is no file below ${directory}: the search proves nothing`);
  return found;
}

async function* entriesBelow(directory: string): AsyncGenerator<Dirent> {
  for (const entry of (await unlessGone(readdir(directory, { withFileTypes: true }))) ?? []) {
    yield entry;
    if (entry.isDirectory()) yield* entriesBelow(join(directory, entry.name));
  }
}

/** Files removed since the listing are skipped: jails clean up during the search. */
async function unlessGone<T>(reading: Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Searches environment and command line of every descendant of process `root`, not of itself:
 * "pid command (form)", none when all is well.
 */
export async function findInProcesses(root: number, secret: Secret): Promise<readonly string[]> {
  const found: string[] = [];
  let searched = 0;
  for (const pid of await descendants(root)) {
    const command = await readFile(`/proc/${pid}/cmdline`).catch(() => undefined);
    const environment = await readFile(`/proc/${pid}/environ`).catch(() => undefined);
    // It may have ended since the list was made.
    if (command === undefined || environment === undefined) continue;
    searched += 1;
    const name = command.toString("utf8").replaceAll("\0", " ").slice(0, 80);
    const forms = secret.formsIn(Buffer.concat([command, environment]));
    for (const form of forms) found.push(`${pid} ${name} (${form})`);
  }
  if (searched === 0) throw new Error(`process ${root} has no descendants: the search proves nothing`);
  return found;
}

async function descendants(root: number): Promise<readonly number[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const status = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "");
    // The second field is the name in parentheses and may hold anything, so count from its end.
    const parent = status.slice(status.lastIndexOf(")") + 2).split(" ")[1];
    if (parent !== undefined) parents.set(Number(name), Number(parent));
  }
  const within = (pid: number): boolean => {
    for (let at = parents.get(pid); at !== undefined; at = parents.get(at)) if (at === root) return true;
    return false;
  };
  return [...parents.keys()].filter(within);
}

/** Keeps what the bundler made of the sources of a checkout: to make it again takes a good part of a first start. */
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

export interface BuiltFile {
  readonly name: string;
  readonly code: string;
}

/** What was built, and of which files. */
export interface Build {
  readonly files: readonly BuiltFile[];
  readonly sources: readonly string[];
}

interface Kept {
  readonly version: 2;
  readonly files: readonly BuiltFile[];
  /** Path, size and time of the last change of each source. */
  readonly sources: readonly (readonly [path: string, size: number, mtimeMs: number])[];
}

const root = new URL("../../../../", import.meta.url);
/** It also says which bundler is installed. */
const lockfile = fileURLToPath(new URL("package-lock.json", root));

/** The files of the last build of this name if no source has changed; otherwise those of a new one, which are kept. */
export async function builtOnce(name: string, build: () => Promise<Build>): Promise<readonly BuiltFile[]> {
  const path = fileURLToPath(new URL(`.cache/${name}.json`, root));
  const kept = await readKept(path);
  if (kept !== undefined) return kept;
  const { files, sources } = await build();
  const seen = await Promise.all([lockfile, ...sources].map(stateOf));
  // Without a folder of its own, or with a source that cannot be looked at, the next start builds again.
  if (seen.every((each) => each !== undefined))
    await keep(path, { version: 2, files, sources: seen }).catch(() => {});
  return files;
}

async function readKept(path: string): Promise<readonly BuiltFile[] | undefined> {
  try {
    const { version, files, sources } = JSON.parse(await readFile(path, "utf8")) as Kept;
    if (version !== 2) return undefined;
    const now = await Promise.all(sources.map(([source]) => stateOf(source)));
    return JSON.stringify(now) === JSON.stringify(sources) ? files : undefined;
  } catch {
    return undefined;
  }
}

/** Several processes may do this at a time. */
async function keep(path: string, kept: Kept): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const partial = `${path}.${process.pid}.partial`;
  await writeFile(partial, JSON.stringify(kept));
  await rename(partial, path);
}

async function stateOf(source: string): Promise<Kept["sources"][number] | undefined> {
  const found = await stat(source).catch(() => undefined);
  return found && [source, found.size, found.mtimeMs];
}

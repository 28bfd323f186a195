/** Bundles programs for jails: a package publishes its bundle, and a checkout makes it when it is first needed. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { type Build, type BuiltFile, builtOnce } from "./build-cache.ts";

export type { Build, BuiltFile } from "./build-cache.ts";

/** Programs that are bundled together. */
export interface JailPrograms {
  /** Names the cache of a checkout. */
  readonly name: string;
  /** Source files by program: `{ guest: "/.../guest.ts" }` becomes `guest.mjs`. */
  readonly entries: Readonly<Record<string, string>>;
  /** Path of the file that lists the entries: its changes count as well. */
  readonly definedIn: string;
  /**
   * "cjs" for programs that start often: Node loads them faster, and the code that V8 has compiled for them can be kept.
   * Then the files are `guest.cjs`, and no module awaits anything at its top level. ES modules by default.
   */
  readonly format?: "cjs";
  /** Files that go along as they are. */
  readonly extra?: () => Promise<Build>;
}

/** Bundles the programs. The bundler is found in checkouts only. */
export async function buildPrograms({ entries, definedIn, format, extra }: JailPrograms): Promise<Build> {
  // Imported lazily: only needed when running from source.
  const { build } = await import("rolldown");
  const sources = new Set<string>();
  const extension = format ?? "mjs";
  const { output } = await build({
    input: { ...entries },
    platform: "node",
    logLevel: "warn",
    write: false,
    plugins: [
      {
        name: "sources",
        buildEnd() {
          for (const id of this.getModuleIds()) if (isAbsolute(id)) sources.add(id);
        },
      },
    ],
    output: {
      format: format ?? "esm",
      entryFileNames: `[name].${extension}`,
      chunkFileNames: `[name]-[hash].${extension}`,
      // Names stay, so that errors and profiles can be read; spaces and comments are a third of it.
      minify: { compress: false, mangle: false, codegen: true },
    },
  });
  const chunks = output.filter((file) => file.type === "chunk");
  const bundled = chunks.map(({ fileName, code }) => ({ name: fileName, code }));
  const more = (await extra?.()) ?? { files: [], sources: [] };
  return {
    files: [...bundled, ...more.files].sort((a, b) => (a.name < b.name ? -1 : 1)),
    sources: [definedIn, ...sources, ...more.sources],
  };
}

/**
 * Builds the programs of a checkout unless nothing has changed, and places them in `cacheDirectory` under the hash of
 * their content. Returns that folder.
 */
export async function placePrograms(programs: JailPrograms, cacheDirectory: string): Promise<string> {
  const files = await builtOnce(programs.name, () => buildPrograms(programs));
  const hash = createHash("sha256");
  for (const { name, code } of files) hash.update(name).update("\0").update(code).update("\0");
  const directory = join(cacheDirectory, hash.digest("hex").slice(0, 24));
  if (existsSync(directory)) return directory;
  const partial = `${directory}.${process.pid}.partial`;
  await writeFiles(partial, files);
  try {
    await rename(partial, directory);
  } catch (error) {
    // A concurrent start of the same version was faster.
    await rm(partial, { recursive: true, force: true });
    if (!existsSync(directory)) throw error;
  }
  return directory;
}

/** Builds the programs into `directory`, for a published package. */
export async function publishPrograms(programs: JailPrograms, directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await writeFiles(directory, (await buildPrograms(programs)).files);
}

async function writeFiles(directory: string, files: readonly BuiltFile[]): Promise<void> {
  const folders = new Set(files.map(({ name }) => dirname(join(directory, name))));
  for (const folder of folders) await mkdir(folder, { recursive: true, mode: 0o755 });
  await Promise.all(
    // Files that start with "#!" must be executable.
    files.map(({ name, code }) =>
      writeFile(join(directory, name), code, { mode: code.startsWith("#!") ? 0o755 : 0o644 }),
    ),
  );
}

/** Bundles the programs that run inside a task's jail. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { HoldfastError } from "@holdfast/core";
import { guestProgramsDirectory } from "@holdfast/guest";
import { demoEntry } from "@holdfast/sandbox";
import { type Build, type BuiltFile, builtOnce } from "./guest-cache.ts";

/** Folder of the bundled programs: `guest.mjs`, `demo.mjs`, `snapshot.mjs`, `setup.mjs` and others. */
export interface GuestBundle {
  readonly directory: string;
}

export const guestPrograms = {
  guest: "guest.mjs",
  demo: "demo.mjs",
  snapshot: "snapshot.mjs",
  setup: "setup.mjs",
  switchTree: "switch-tree.mjs",
  commits: "commits.mjs",
  moveBase: "move-base.mjs",
  /** A folder with `ipc` and the MCP server that connects agents to the gate. */
  tools: "tools",
} as const;

/**
 * Returns the bundle of the published package. When running from source, builds it and caches it in `cacheDirectory`
 * under the hash of its content.
 */
export async function loadGuestBundle(cacheDirectory: string): Promise<GuestBundle> {
  if (import.meta.url.endsWith(".js")) {
    const directory = fileURLToPath(new URL("../guest", import.meta.url));
    if (existsSync(join(directory, guestPrograms.guest))) return { directory };
    throw new HoldfastError(
      "studio",
      "incomplete_package",
      `The package is incomplete: the programs in ${directory} are missing. Install it again.`,
    );
  }
  const files = await builtOnce(buildGuest);
  const hash = createHash("sha256");
  for (const { name, code } of files) hash.update(name).update("\0").update(code).update("\0");
  const directory = join(cacheDirectory, hash.digest("hex").slice(0, 24));
  if (existsSync(directory)) return { directory };
  const partial = `${directory}.${process.pid}.partial`;
  await writeFiles(partial, files);
  try {
    await rename(partial, directory);
  } catch (error) {
    // A concurrent start of the same version was faster.
    await rm(partial, { recursive: true, force: true });
    if (!existsSync(directory)) throw error;
  }
  return { directory };
}

/** Builds the bundle for the published package. */
export async function writeGuestBundle(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await writeFiles(directory, (await buildGuest()).files);
}

async function buildGuest(): Promise<Build> {
  // Imported lazily: only needed when running from source.
  const { build } = await import("rolldown");
  const sources = new Set<string>();
  const { output } = await build({
    input: {
      guest: fileURLToPath(new URL("./guest.ts", import.meta.url)),
      demo: demoEntry(),
      snapshot: fileURLToPath(new URL("./snapshot.ts", import.meta.url)),
      setup: fileURLToPath(new URL("./setup.ts", import.meta.url)),
      "switch-tree": fileURLToPath(new URL("./switch-tree.ts", import.meta.url)),
      commits: fileURLToPath(new URL("./commits.ts", import.meta.url)),
      "move-base": fileURLToPath(new URL("./move-base.ts", import.meta.url)),
    },
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
      format: "esm",
      entryFileNames: "[name].mjs",
      chunkFileNames: "[name]-[hash].mjs",
      minify: false,
    },
  });
  const chunks = output.filter((file) => file.type === "chunk");
  const bundled = chunks.map(({ fileName, code }) => ({ name: fileName, code }));
  const tools = await readGuestTools();
  return {
    files: [...bundled, ...tools.files].sort((a, b) => (a.name < b.name ? -1 : 1)),
    // This file says which programs there are.
    sources: [fileURLToPath(import.meta.url), ...sources, ...tools.sources],
  };
}

/** Programs that are copied without bundling. */
async function readGuestTools(): Promise<Build> {
  const names = await readdir(guestProgramsDirectory);
  const sources = names.map((name) => join(guestProgramsDirectory, name));
  const files = names.map(async (name, at) => ({
    name: `${guestPrograms.tools}/${name}`,
    code: await readFile(sources[at] ?? "", "utf8"),
  }));
  // A program that is added changes the folder.
  return { files: await Promise.all(files), sources: [guestProgramsDirectory, ...sources] };
}

async function writeFiles(directory: string, files: readonly BuiltFile[]): Promise<void> {
  await mkdir(join(directory, guestPrograms.tools), { recursive: true, mode: 0o755 });
  await Promise.all(
    // Files that start with "#!" must be executable.
    files.map(({ name, code }) =>
      writeFile(join(directory, name), code, { mode: code.startsWith("#!") ? 0o755 : 0o644 }),
    ),
  );
}

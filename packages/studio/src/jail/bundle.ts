/** Bundles the programs that run inside a task's jail. */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HoldfastError } from "@holdfast/core";
import { guestProgramsDirectory } from "@holdfast/guest";
import { type Build, type JailPrograms, placePrograms, publishPrograms } from "@holdfast/guest/bundle";
import { demoEntry } from "@holdfast/sandbox";

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
  return { directory: await placePrograms(programs(), cacheDirectory) };
}

/** Builds the bundle for the published package. */
export async function writeGuestBundle(directory: string): Promise<void> {
  await publishPrograms(programs(), directory);
}

function programs(): JailPrograms {
  const source = (name: string) => fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  return {
    name: "guest",
    entries: {
      guest: source("guest"),
      demo: demoEntry(),
      snapshot: source("snapshot"),
      setup: source("setup"),
      "switch-tree": source("switch-tree"),
      commits: source("commits"),
      "move-base": source("move-base"),
    },
    definedIn: fileURLToPath(import.meta.url),
    extra: readGuestTools,
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

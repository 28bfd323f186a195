/** Programs that run inside a machine, and their bundle. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HoldfastError } from "@holdfast/core";
import { type JailPrograms, placePrograms, publishPrograms } from "@holdfast/guest/bundle";
import { demoEntry } from "@holdfast/sandbox";

/** Files of the bundle. */
export const machinePrograms = { guest: "guest.cjs", demo: "demo.cjs" } as const;

/** Folder of the bundle: that of the published package, or one in `cacheDirectory`, built from source. */
export async function loadMachinePrograms(cacheDirectory: string): Promise<string> {
  if (!import.meta.url.endsWith(".js")) return placePrograms(programs(), cacheDirectory);
  const directory = fileURLToPath(new URL("../guest-bundle", import.meta.url));
  if (existsSync(join(directory, machinePrograms.guest))) return directory;
  throw new HoldfastError(
    "agent_os",
    "incomplete_package",
    `The package @holdfast/agent-os is incomplete: the programs in ${directory} are missing. Install it again.`,
    { statusCode: 500 },
  );
}

/** Builds the bundle for the published package. */
export async function publishMachinePrograms(directory: string): Promise<void> {
  await publishPrograms(programs(), directory);
}

function programs(): JailPrograms {
  return {
    name: "machine",
    format: "cjs",
    entries: { guest: fileURLToPath(new URL("./guest.ts", import.meta.url)), demo: demoEntry() },
    definedIn: fileURLToPath(import.meta.url),
  };
}

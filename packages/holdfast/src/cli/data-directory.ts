import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

/** `--data`, then HOLDFAST_DATA, then `.holdfast` in the current directory. */
export function dataDirectoryOf(option: string | undefined): string {
  return resolve(option ?? process.env["HOLDFAST_DATA"] ?? ".holdfast");
}

/**
 * Makes the data directory, for its owner only, and hides it from git where it lies in a repository:
 * running a task must not show up in the person's own working tree.
 */
export async function prepareDataDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
  const ignore = join(path, ".gitignore");
  if (!existsSync(ignore)) await writeFile(ignore, "*\n");
}

/** The socket over which the command line speaks to the server that owns a data directory. */
export function controlSocketOf(dataDirectory: string): string {
  return join(dataDirectory, "control.sock");
}

import { existsSync, statSync } from "node:fs";
import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { UsageError } from "./arguments.ts";
import { describableError } from "./failure.ts";

/**
 * The data directory: `--data`, then HOLDFAST_DATA, then `.holdfast` in the current directory; an empty variable
 * counts as unset. Throws `control.data_directory` if the path is not a directory, because later errors would name
 * files inside it.
 */
export function dataDirectoryOf(option: string | undefined): string {
  if (option === "") throw new UsageError("--data is empty");
  const path = resolve(option ?? (process.env["HOLDFAST_DATA"] || ".holdfast"));
  if (existsSync(path) && !statSync(path).isDirectory())
    throw unusable(path, "cannot be used: it is not a directory");
  return path;
}

/**
 * Creates the data directory with access for its owner only, and hides it from git, so that running a task does not
 * show up in the user's working tree. Throws `control.data_directory`.
 */
export async function prepareDataDirectory(path: string): Promise<void> {
  refuseForeign(path);
  try {
    await makeDirectory(path);
    await chmod(path, 0o700);
    const ignore = join(path, ".gitignore");
    if (!existsSync(ignore)) await writeFile(ignore, "*\n");
  } catch (error) {
    throw unusable(path, `cannot be used: ${describableError(error)?.message ?? String(error)}`, error);
  }
}

/**
 * Creates a directory and its parents. Node's recursive mkdir never returns in places such as /proc, where the parent
 * exists but creating a child fails with ENOENT.
 */
async function makeDirectory(path: string): Promise<void> {
  try {
    await makeOne(path);
  } catch (error) {
    const parent = dirname(path);
    if (!isErrno(error, "ENOENT") || parent === path || existsSync(parent)) throw error;
    await makeDirectory(parent);
    await makeOne(path);
  }
}

async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (!isErrno(error, "EEXIST") || !(await stat(path)).isDirectory()) throw error;
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** The directory becomes private and hidden from git, so it must not be a working tree, unless it is already in use. */
function refuseForeign(path: string): void {
  if (existsSync(join(path, ".git")) && !existsSync(join(path, "actors")))
    throw unusable(path, "is a git repository");
}

function unusable(path: string, what: string, cause?: unknown): HoldfastError {
  const message = `The data directory ${path} ${what}. Choose another one with --data DIR or HOLDFAST_DATA`;
  return new HoldfastError("control", "data_directory", message, { cause });
}

/** The socket on which the server that owns a data directory serves the command line. */
export function controlSocketOf(dataDirectory: string): string {
  return join(dataDirectory, "control.sock");
}

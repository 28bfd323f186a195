import { existsSync, statSync } from "node:fs";
import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { UsageError } from "./arguments.ts";
import { describableError } from "./failure.ts";

/**
 * `--data`, then HOLDFAST_DATA, then `.holdfast` in the current directory. An empty variable is none.
 * Throws `control.data_directory` where something else than a directory has this path: what a command looks
 * for in it would be told as missing, or by the name of a file of ours.
 */
export function dataDirectoryOf(option: string | undefined): string {
  if (option === "") throw new UsageError("--data is empty");
  const path = resolve(option ?? (process.env["HOLDFAST_DATA"] || ".holdfast"));
  if (existsSync(path) && !statSync(path).isDirectory())
    throw unusable(path, "cannot be used: it is no directory");
  return path;
}

/**
 * Makes the data directory, for its owner only, and hides it from git where it lies in a repository:
 * running a task must not show up in the person's own working tree. Throws `control.data_directory`.
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
 * Makes a directory and those above it. Node's own recursion never ends where the parent is there and says
 * all the same that the child's way is not, as in /proc.
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

/** What is closed to others and hidden from git as a whole is no working tree, unless it is in use already. */
function refuseForeign(path: string): void {
  if (existsSync(join(path, ".git")) && !existsSync(join(path, "actors")))
    throw unusable(path, "is a git repository");
}

function unusable(path: string, what: string, cause?: unknown): HoldfastError {
  const message = `The data directory ${path} ${what}. Name another: --data DIR, or HOLDFAST_DATA`;
  return new HoldfastError("control", "data_directory", message, { cause });
}

/** The socket over which the command line speaks to the server that owns a data directory. */
export function controlSocketOf(dataDirectory: string): string {
  return join(dataDirectory, "control.sock");
}

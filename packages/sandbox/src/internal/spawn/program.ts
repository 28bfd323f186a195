import { accessSync, closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { join, resolve } from "node:path";

/** The kernel reads this much of a script to find its interpreter. */
const headBytes = 256;

/**
 * Throws the system's error (ENOENT, EACCES, ENOTDIR) when `program` cannot be started in `cwd`. For programs that a
 * helper starts: a failure of the helper could not be distinguished from theirs.
 */
export function checkProgram(program: string, cwd: string, path: string | undefined): void {
  if (!statSync(cwd).isDirectory()) throw systemError("ENOTDIR", cwd);
  if (program.includes("/")) {
    checkFile(resolve(cwd, program));
    return;
  }
  let found: unknown;
  for (const directory of (path ?? "/usr/local/bin:/usr/bin:/bin").split(":")) {
    try {
      checkFile(resolve(cwd, join(directory, program)));
      return;
    } catch (error) {
      // Like execvp(3): a file without execute permission is reported only when no other file is found.
      if (found === undefined || errorCode(error) === "EACCES") found = error;
    }
  }
  throw errorCode(found) === "EACCES" ? found : systemError("ENOENT", program);
}

function checkFile(file: string): void {
  if (!statSync(file).isFile()) throw systemError("EACCES", file);
  accessSync(file, constants.X_OK);
  const interpreter = readInterpreter(file);
  if (interpreter !== undefined) accessSync(interpreter, constants.X_OK);
}

/** Returns the interpreter that the first line of a script names; undefined for other programs. */
function readInterpreter(file: string): string | undefined {
  let head: string;
  const bytes = Buffer.alloc(headBytes);
  try {
    const descriptor = openSync(file, "r");
    try {
      head = bytes.toString("latin1", 0, readSync(descriptor, bytes, 0, headBytes, 0));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // A program may be executable without being readable.
    return undefined;
  }
  return /^#![ \t]*([^ \t\n]+)/.exec(head)?.[1];
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

function systemError(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path}`), { code, path });
}

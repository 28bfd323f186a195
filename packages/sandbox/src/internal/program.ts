import { accessSync, constants, statSync } from "node:fs";
import { join, resolve } from "node:path";

/**
 * Throws the system's error (ENOENT, EACCES, ENOTDIR) when `program` cannot be started in `cwd`; for
 * programs that something else starts in our stead, whose own failure could not be told from theirs.
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
      // As execvp(3) does: a file that may not be run is told when no other is found.
      if (found === undefined || codeOf(error) === "EACCES") found = error;
    }
  }
  throw codeOf(found) === "EACCES" ? found : systemError("ENOENT", program);
}

function checkFile(file: string): void {
  if (!statSync(file).isFile()) throw systemError("EACCES", file);
  accessSync(file, constants.X_OK);
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

function systemError(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path}`), { code, path });
}

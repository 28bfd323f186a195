import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const defaultPath = "/usr/local/bin:/usr/bin:/bin";

/** The path of the program `name`, found on PATH as a shell would; undefined where it is missing. */
export function findProgram(
  name: string,
  path: string = process.env["PATH"] ?? defaultPath,
): string | undefined {
  for (const directory of path.split(delimiter)) {
    if (!directory.startsWith("/")) continue;
    const file = join(directory, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this directory.
    }
  }
  return undefined;
}

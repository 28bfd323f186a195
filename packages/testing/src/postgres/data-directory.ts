import { join } from "node:path";
import { programPath, run, serverFolder } from "./programs.ts";

/** The test runner sets it: a directory that each new server begins with a copy of. */
const originalVariable = "HOLDFAST_TEST_POSTGRES_DATA";

/**
 * Creates the data of a server once, for all servers that this process and its children start: to copy a directory
 * takes a quarter of the time. The directory is removed when this process exits.
 */
export function createOriginalData(): void {
  const folder = serverFolder();
  const data = join(folder, "data");
  createData(data, folder);
  process.env[originalVariable] = data;
}

/** Creates the data of a server that has not run. `folder` is that of the server's user. */
export function createData(data: string, folder: string): void {
  const original = process.env[originalVariable];
  if (original !== undefined) {
    run("cp", ["--archive", original, data], folder);
    return;
  }
  const initdb = programPath("initdb", "postgresql");
  run(initdb, ["-D", data, "-U", "holdfast", "-A", "trust", "-E", "UTF8", "--locale=C"], folder);
}

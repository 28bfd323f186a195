import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Where the files of tasks are: one data directory of one node. */
export interface Place {
  /** Id of the data directory, which a node that starts with an empty disk does not have any more. */
  readonly id: string;
  /** Name of the node, for people. */
  readonly node: string;
}

const placeFile = "place";

/** The id of a data directory, created at the first start. */
export async function placeIdOf(dataDirectory: string, newId: () => string): Promise<string> {
  const path = join(dataDirectory, placeFile);
  const existing = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (existing !== undefined && existing.trim() !== "") return existing.trim();
  const id = newId();
  await writeFile(path, `${id}\n`, { mode: 0o600 });
  return id;
}

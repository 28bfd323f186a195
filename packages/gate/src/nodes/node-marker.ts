import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseJson, readIfPresentSync, writePrivateFile } from "../vault/private-file.ts";

const pathIn = (dataDir: string) => join(dataDir, "gate", "node.json");

/**
 * The node that a data directory belongs to: its secrets, budgets and rules are in the store that the nodes share, and
 * not in its files. Undefined for the data directory of one machine.
 */
export function nodeOf(dataDir: string): string | undefined {
  const content = readIfPresentSync(pathIn(dataDir));
  if (content === undefined) return undefined;
  const node = parseJson(content.toString("utf8"))?.["node"];
  return typeof node === "string" ? node : "";
}

/** Marks the data directory as that of a node. */
export async function markNode(dataDir: string, node: string): Promise<void> {
  await writePrivateFile(pathIn(dataDir), JSON.stringify({ version: 1, node }));
}

/** The gate of one machine uses the files again. */
export function unmarkNode(dataDir: string): void {
  rmSync(pathIn(dataDir), { force: true });
}

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isRecord } from "../http/problem.ts";
import type { AgentRow } from "./row.ts";

/**
 * Compares what npm has put into `directory` with the hashes that the row pins, and makes sure that
 * everything it depends on came with a hash too, against which npm has checked it. Resolves to what is
 * wrong, for people, or to undefined. Packages from local folders have no hash to compare.
 */
export async function checkIntegrity(row: AgentRow, directory: string): Promise<string | undefined> {
  const lock: unknown = JSON.parse(await readFile(join(directory, "package-lock.json"), "utf8"));
  const packages = isRecord(lock) && isRecord(lock["packages"]) ? lock["packages"] : {};
  for (const [name, pinned] of Object.entries(row.integrity ?? {})) {
    const entry = packages[`node_modules/${name}`];
    const hash = isRecord(entry) ? entry["integrity"] : undefined;
    if (hash === pinned) continue;
    return `the hash of ${name} is ${typeof hash === "string" ? hash : "unknown"}, which is not the pinned one`;
  }
  const unchecked = Object.entries(packages).find(([path, entry]) => path !== "" && !isChecked(entry));
  return unchecked && `${unchecked[0].replace(/^.*node_modules\//, "")} came without a hash`;
}

function isChecked(entry: unknown): boolean {
  if (!isRecord(entry)) return false;
  if (typeof entry["integrity"] === "string") return true;
  // What is inside another package is covered by the hash of that one; folders are the caller's own.
  return entry["inBundle"] === true || String(entry["resolved"] ?? "").startsWith("file:");
}

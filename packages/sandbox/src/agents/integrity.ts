import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isRecord } from "../http/problem.ts";
import type { AgentRow } from "./row.ts";

/**
 * Verifies the packages that npm installed into `directory`: those of the row must have the pinned hashes, and every
 * dependency must come with a hash, which npm has then verified. Packages from local folders have none. Returns a
 * description of the problem, or undefined.
 */
export async function checkIntegrity(row: AgentRow, directory: string): Promise<string | undefined> {
  const lock: unknown = JSON.parse(await readFile(join(directory, "package-lock.json"), "utf8"));
  const packages = isRecord(lock) && isRecord(lock["packages"]) ? lock["packages"] : {};
  for (const [name, pinned] of Object.entries(row.integrity ?? {})) {
    const entry = packages[`node_modules/${name}`];
    const hash = isRecord(entry) ? entry["integrity"] : undefined;
    if (hash === pinned) continue;
    return `the hash of ${name} is ${typeof hash === "string" ? hash : "unknown"}, which differs from the pinned hash`;
  }
  const unchecked = Object.entries(packages).find(([path, entry]) => path !== "" && !hasIntegrity(entry));
  return unchecked && `${unchecked[0].replace(/^.*node_modules\//, "")} has no hash`;
}

function hasIntegrity(entry: unknown): boolean {
  if (!isRecord(entry)) return false;
  if (typeof entry["integrity"] === "string") return true;
  // The hash of a package covers its bundled dependencies; the caller vouches for local folders.
  return entry["inBundle"] === true || String(entry["resolved"] ?? "").startsWith("file:");
}

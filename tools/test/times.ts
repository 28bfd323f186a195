/**
 * How long each test file takes, which decides the order in which they start. The last run on this
 * machine is kept in `.cache`; a clean clone begins with `test-times.json`, which names the long ones.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../workspace.ts";

const committed = join(import.meta.dirname, "test-times.json");
const directory = join(root, ".cache");
const kept = join(directory, "test-times.json");

/** Seconds by path. What cannot be read is as if it were not there: the order is all that it changes. */
function read(file: string): Readonly<Record<string, number>> {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (typeof value !== "object" || value === null) return {};
    return Object.fromEntries(
      Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
    );
  } catch {
    return {};
  }
}

/** Of the long files, in every clone the same. */
export function committedTestTimes(): ReadonlyMap<string, number> {
  return new Map(Object.entries(read(committed)));
}

export function readTestTimes(): Map<string, number> {
  return new Map(Object.entries({ ...read(committed), ...read(kept) }));
}

/** Adds the times of a run; those of files that did not run stay. */
export function keepTestTimes(seconds: ReadonlyMap<string, number>): void {
  const all = { ...read(kept), ...Object.fromEntries(seconds) };
  const sorted = Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
  mkdirSync(directory, { recursive: true });
  writeFileSync(kept, `${JSON.stringify(sorted, null, 1)}\n`);
}

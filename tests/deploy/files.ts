/** Reads the files of `deploy/`, and checks what several of them say. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const deploy = new URL("../../deploy/", import.meta.url).pathname;

/** Time that a server takes at most to end calls and put actors to sleep: `drainMs`, `shutdown.gracePeriodMs`. */
export const drainSeconds = 30;

export function read(path: string): string {
  return readFileSync(join(deploy, path), "utf8");
}

/** All variables that the documentation knows: a file of a deployment sets no others. */
const documented = [
  "docs/reference/server.md",
  ...["run-a-cluster", "operate-a-cluster", "run-the-studio-on-nodes"].map(
    (name) => `docs/how-to/${name}.md`,
  ),
].map((path) => readFileSync(join(deploy, "..", path), "utf8"));

export function assertKnown(variables: readonly string[]): void {
  for (const name of variables.filter((each) => each.startsWith("HOLDFAST_"))) {
    assert.ok(
      documented.some((page) => page.includes(name)),
      `${name} is not documented`,
    );
  }
}

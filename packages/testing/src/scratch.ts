import { rmSync } from "node:fs";

const scratch = new Set<string>();
process.once("exit", () => {
  for (const path of scratch) {
    try {
      rmSync(path, { recursive: true, force: true, maxRetries: 3 });
    } catch {
      // A process that is being killed may write to the last.
    }
  }
});

/**
 * Removes a directory when this process exits. A test hook would run too early: hooks run in order of registration,
 * while processes may still write to the directory.
 */
export function removeAtExit(path: string): void {
  scratch.add(path);
}

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
 * Removes a directory when this process ends. A hook would not do: they run in the order of their
 * making, so that it would be taken away while what was started in it still writes.
 */
export function removeAtExit(path: string): void {
  scratch.add(path);
}

import { PassThrough } from "node:stream";
import type { Git } from "./git.ts";

/** Copies what `want` reaches and `have` does not from one repository into another. */
export interface PackTransfer {
  readonly from: string;
  readonly to: string;
  readonly want: string;
  readonly have: string;
}

/**
 * A fetch without its side effects: no remote is contacted, no reference and no FETCH_HEAD is written,
 * no tag follows. The receiving side checks every object.
 */
export async function spawnPack(git: Git, transfer: PackTransfer): Promise<void> {
  const known = await git.status(["-C", transfer.to, "cat-file", "-e", `${transfer.have}^{commit}`]);
  const revisions = known.status === 0 ? `${transfer.want}\n^${transfer.have}\n` : `${transfer.want}\n`;
  const pipe = new PassThrough();
  const send = git
    .stream(
      [
        "--git-dir",
        transfer.from,
        "pack-objects",
        "--quiet",
        "--revs",
        "--thin",
        "--stdout",
        "--delta-base-offset",
      ],
      (chunk) => pipe.write(chunk),
      { input: revisions, timeoutMs: packTimeoutMs },
    )
    .then(() => pipe.end(), fail);
  // Both sides are awaited, so that neither process outlives the call.
  const receive = git.run(["-C", transfer.to, "index-pack", "--stdin", "--fix-thin"], {
    input: pipe,
    timeoutMs: packTimeoutMs,
  });
  const [sent, received] = await Promise.allSettled([send, receive]);
  if (sent.status === "rejected") throw sent.reason;
  if (received.status === "rejected") throw received.reason;

  function fail(error: unknown): never {
    pipe.destroy(error instanceof Error ? error : new Error("pack-objects failed"));
    throw error;
  }
}

const packTimeoutMs = 600_000;

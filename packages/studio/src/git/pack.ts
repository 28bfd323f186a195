import { PassThrough } from "node:stream";
import type { Git } from "./git.ts";

/** Copies the objects reachable from `want` but not from `have` to another repository. */
export interface PackTransfer {
  readonly from: string;
  readonly to: string;
  readonly want: string;
  readonly have: string;
}

/**
 * A fetch without its side effects: contacts no remote, writes no reference, no FETCH_HEAD and no tag. The receiver
 * verifies every object.
 */
export async function transferPack(git: Git, transfer: PackTransfer): Promise<void> {
  const hasBase = await git.status(["-C", transfer.to, "cat-file", "-e", `${transfer.have}^{commit}`]);
  const revisions = hasBase.status === 0 ? `${transfer.want}\n^${transfer.have}\n` : `${transfer.want}\n`;
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
  // Awaits both sides, so that neither process outlives the call.
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

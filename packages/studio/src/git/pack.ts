import { PassThrough, type Readable } from "node:stream";
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
export async function transferPack(git: Git, { from, to, want, have }: PackTransfer): Promise<void> {
  const { pack, sent } = sendPack(git, from, want, (await hasCommit(git, to, have)) ? have : undefined);
  // Awaits both sides, so that neither process outlives the call.
  const [sending, receiving] = await Promise.allSettled([sent, receivePack(git, to, pack)]);
  if (sending.status === "rejected") throw sending.reason;
  if (receiving.status === "rejected") throw receiving.reason;
}

/** A pack of the objects reachable from `want` but not from `have`. `sent` settles when git has ended. */
export function sendPack(
  git: Git,
  from: string,
  want: string,
  have: string | undefined,
): { readonly pack: Readable; readonly sent: Promise<void> } {
  const pack = new PassThrough();
  const sent = git
    .stream(
      ["--git-dir", from, "pack-objects", "--quiet", "--revs", "--thin", "--stdout", "--delta-base-offset"],
      (chunk) => pack.write(chunk),
      { input: have === undefined ? `${want}\n` : `${want}\n^${have}\n`, timeoutMs: packTimeoutMs },
    )
    .then(() => void pack.end(), fail);
  return { pack, sent };

  function fail(error: unknown): never {
    pack.destroy(error instanceof Error ? error : new Error("pack-objects failed"));
    throw error;
  }
}

/** Adds the objects of a pack to a repository. */
export async function receivePack(git: Git, to: string, pack: Readable): Promise<void> {
  await git.run(["-C", to, "index-pack", "--stdin", "--fix-thin"], { input: pack, timeoutMs: packTimeoutMs });
}

export async function hasCommit(git: Git, repository: string, commit: string): Promise<boolean> {
  return (await git.status(["-C", repository, "cat-file", "-e", `${commit}^{commit}`])).status === 0;
}

const packTimeoutMs = 600_000;

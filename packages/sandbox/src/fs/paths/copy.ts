import { type BigIntStats, constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { invalid } from "../../http/problem.ts";
import { hasCode, lchown, lstat, lutimes, mkdir, open, readdir, readlink, symlink } from "../system.ts";
import { DirectoryChain, listFlags } from "./directory-chain.ts";
import type { PathText } from "./names.ts";

/** Mode of a directory until its copy is complete. */
const privateMode = 0o700;

/**
 * Copies a file, a link (never its target) or a directory tree to a path that does not exist, with permissions,
 * times and, where permitted, owners. Follows no links and syncs files. Throws `invalid_request` for sockets,
 * pipes and devices. On an error the caller removes the partial copy.
 */
export async function copy(from: PathText, to: PathText, signal: AbortSignal): Promise<void> {
  const stat = await lstat(from);
  if (!stat.isDirectory()) {
    await copyEntry(from, to, stat, signal);
    return;
  }
  await mkdir(to, privateMode);
  const source = await DirectoryChain.open(from, listFlags);
  try {
    const target = await DirectoryChain.open(to, listFlags);
    try {
      await copyDirectory(source, target, stat, signal);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/** Copies the current directory of `source`, whose attributes are `stat`, into the current one of `target`. */
async function copyDirectory(
  source: DirectoryChain,
  target: DirectoryChain,
  stat: BigIntStats,
  signal: AbortSignal,
): Promise<void> {
  for (const name of await readdir(source.currentPath)) {
    signal.throwIfAborted();
    const [from, to] = [`${source.currentPath}/${name}`, `${target.currentPath}/${name}`];
    const found = await lstat(from);
    if (!found.isDirectory()) {
      await copyEntry(from, to, found, signal);
      continue;
    }
    await mkdir(to, privateMode);
    await source.inDirectory(name, () =>
      target.inDirectory(name, () => copyDirectory(source, target, found, signal)),
    );
  }
  // Last: new entries change the directory's time, and its final mode may not permit them.
  const made = await open(`${target.currentPath}/.`, listFlags);
  try {
    await copyAttributes(made, stat);
  } finally {
    await made.close();
  }
}

async function copyEntry(
  from: PathText,
  to: PathText,
  stat: BigIntStats,
  signal: AbortSignal,
): Promise<void> {
  if (stat.isFile()) await copyFile(from, to, signal);
  else if (stat.isSymbolicLink()) {
    await symlink(await readlink(from), to);
    await ignoreNotPermitted(lchown(to, stat));
    await lutimes(to, stat);
  } else throw invalid("EXDEV: a socket, a pipe or a device cannot be moved to another file system");
}

async function copyFile(from: PathText, to: PathText, signal: AbortSignal): Promise<void> {
  const source = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = await source.stat({ bigint: true });
    if (!stat.isFile()) throw invalid("the source was replaced while it was moved");
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const target = await open(to, flags, 0o600);
    try {
      await target.writeFile(source.createReadStream({ autoClose: false }), { signal });
      await copyAttributes(target, stat);
      await target.datasync();
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/** Works on the open file, so that a different file under the same name is never changed. */
async function copyAttributes(
  made: FileHandle,
  { uid, gid, mode, atime, mtime }: BigIntStats,
): Promise<void> {
  // First, because chown clears set-user-ID.
  await ignoreNotPermitted(made.chown(Number(uid), Number(gid)));
  await made.chmod(Number(mode & 0o7777n));
  await made.utimes(atime, mtime);
}

/** Ignores that only root may change owners, as mv(1) does. */
async function ignoreNotPermitted(giving: Promise<void>): Promise<void> {
  await giving.catch((error: unknown) => {
    if (!hasCode(error, "EPERM")) throw error;
  });
}

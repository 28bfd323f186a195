import { constants, createWriteStream, existsSync } from "node:fs";
import { mkdir, mkdtemp, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { HoldfastError } from "@holdfast/core";
import { JailLayout, type Jails } from "@holdfast/gate";
import { jailPath, jailPaths } from "../jail/layout.ts";
import { studioLimits } from "../limits.ts";
import type { ArchiveName, Archives } from "./snapshot-store.ts";

export interface ArchiveOptions {
  readonly jails: Jails;
  /** The task, in the records of the jails. */
  readonly session?: string;
  /** The task's folders on this machine. */
  readonly directory: string;
  /** A folder of the host for temporary files. */
  readonly temporary: string;
}

type JailOptions = Pick<ArchiveOptions, "jails" | "session">;

/** The folder with the workspaces of attempts, in that of a task. */
export const copiesFolder = "copies";

/** The folders in each archive. They are apart, so that nothing that an agent wrote can reach the host's clone. */
const foldersOf: Readonly<Record<ArchiveName, readonly string[]>> = {
  git: ["host.git"],
  files: ["workspace", "home", copiesFolder],
};

const timeoutMs = 10 * 60_000;
const archiveFile = "archive.tar";

/**
 * Archives a task's folders. They are untrusted, and may change in the meantime: tar reads them in a throwaway jail.
 * Throws `snapshot.too_large`, `snapshot.failed`, and the errors of the jail.
 */
export async function* archiveTask(options: ArchiveOptions): Archives {
  for (const name of ["git", "files"] as const) yield [name, readArchive(options, name)];
}

/** Archives a part of a task's folders. Throws as {@link archiveTask} does. */
export async function* readArchive(options: ArchiveOptions, name: ArchiveName): AsyncGenerator<Uint8Array> {
  const out = await mkdtemp(join(options.temporary, "archive-"));
  try {
    await createArchive(options, foldersOf[name], out);
    yield* readFileOf(join(out, archiveFile));
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

/** Replaces a task's folders by those of the archives. An interrupted run leaves no folder, and is repeated. */
export async function restoreTask(options: ArchiveOptions, archives: Archives): Promise<void> {
  const { directory } = options;
  const partial = `${directory}.partial`;
  try {
    await rm(partial, { recursive: true, force: true });
    for await (const [name, stream] of archives)
      await writeArchive({ ...options, directory: partial }, name, stream);
    await rm(directory, { recursive: true, force: true });
    await rename(partial, directory);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Unpacks a part of a task's folders. */
export async function writeArchive(
  { directory, temporary, ...options }: ArchiveOptions,
  name: ArchiveName,
  stream: AsyncIterable<Uint8Array>,
): Promise<void> {
  const files = await mkdtemp(join(temporary, "archive-"));
  try {
    await pipeline(stream, createWriteStream(join(files, archiveFile), { mode: 0o600 }));
    await extractArchive(options, foldersOf[name], files, directory);
  } finally {
    await rm(files, { recursive: true, force: true });
  }
}

async function createArchive(
  { directory, ...options }: ArchiveOptions,
  folders: readonly string[],
  out: string,
): Promise<void> {
  const { jails } = options;
  const layout = new JailLayout(!jails.driver.unsafe);
  const present = folders.filter((folder) => existsSync(join(directory, folder)));
  for (const folder of present) layout.mount(join(directory, folder), `${jailPaths.task}/${folder}`, "ro");
  const from = jails.driver.unsafe ? directory : jailPaths.task;
  const to = layout.mount(out, jailPaths.out, "rw");
  const args = [
    // The same files give the same bytes, so that their chunks are stored once.
    ...["--create", "--format=gnu", "--sort=name", "--numeric-owner"],
    // Sockets have no content, and agents may go on to write, or make files unreadable.
    ...["--ignore-failed-read", "--warning=no-file-ignored", "--warning=no-file-changed"],
    ...["--file", join(to, archiveFile), "--directory", from, "--", ...present],
  ];
  // Exit code 1: files changed in the meantime.
  await runTar(options, layout, args, [0, 1]);
}

async function extractArchive(
  options: JailOptions,
  folders: readonly string[],
  files: string,
  into: string,
): Promise<void> {
  const { jails } = options;
  const layout = new JailLayout(!jails.driver.unsafe);
  for (const folder of folders) {
    const target = join(into, folder);
    await mkdir(target, { recursive: true, mode: 0o700 });
    layout.mount(target, `${jailPaths.task}/${folder}`, "rw");
  }
  const from = layout.mount(files, jailPaths.out, "ro");
  const to = jails.driver.unsafe ? into : jailPaths.task;
  const args = ["--extract", "--preserve-permissions", "--no-same-owner", "--keep-directory-symlink"];
  await runTar(options, layout, [...args, "--file", join(from, archiveFile), "--directory", to], [0]);
}

async function runTar(
  { jails, session }: JailOptions,
  layout: JailLayout,
  args: readonly string[],
  accepted: readonly number[],
): Promise<void> {
  const limit = studioLimits.maxTaskArchiveBytes;
  const result = await jails.runTool({
    ...(session === undefined ? {} : { session }),
    command: "/bin/sh",
    // `ulimit -f` limits the size of each written file, in units of 512 bytes.
    args: ["-c", 'ulimit -f "$0" && exec tar "$@"', String(limit / 512), ...args],
    cwd: "/",
    env: { PATH: jailPath, LC_ALL: "C" },
    mounts: layout.mounts,
    timeoutMs,
    maxOutputBytes: 64 * 1024,
  });
  if (result.code !== null && accepted.includes(result.code)) return;
  const reason =
    result.stderr.toString("utf8").trim().slice(-1_000) || result.detail || `exit ${result.code}`;
  if (result.code === null || result.code === 153 || /File too large|File size limit/i.test(reason)) {
    const message = `The files of the task exceed ${limit} bytes, so that they are in no snapshot. Delete build output in its workspace.`;
    throw new HoldfastError("snapshot", "too_large", message, { statusCode: 413 });
  }
  throw new HoldfastError(
    "snapshot",
    "failed",
    `tar could not read or write the files of the task: ${reason}`,
  );
}

/** The jail wrote this path: it must be a regular file. */
async function* readFileOf(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!(await file.stat()).isFile())
      throw new HoldfastError("snapshot", "refused", "The archive of the task is not a regular file");
    for await (const piece of file.createReadStream({ autoClose: false, highWaterMark: 262_144 }))
      yield piece as Buffer;
  } finally {
    await file.close();
  }
}

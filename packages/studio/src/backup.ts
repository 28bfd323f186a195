import { constants, existsSync } from "node:fs";
import { chmod, copyFile, cp, lstat, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { HoldfastError, systemPorts } from "@holdfast/core";
import {
  copyAuditLog,
  egressConfigFile,
  type Jails,
  pluginSettingsFile,
  policyFile,
  toolNamesFile,
} from "@holdfast/gate";
import { openSqliteStore, type SqliteStore } from "@holdfast/store-sqlite";
import { approvalsFile } from "./approvals/approval-hooks.ts";
import { groupsFile } from "./groups/group-settings.ts";

/** Folder of the actors' store in a data directory. */
export const storeFolder = "actors";

/**
 * Copied beside the store. Left out are what can be had again (installed agents, bundles) and the gate's
 * open questions, which belong to agents that do not live on.
 */
const folders = ["sample", "groups", "vault", "plugins", "credentials", join("gate", "installed")] as const;

/** What plugins keep, a folder each: written by their processes, as a task's is by its agent. */
const pluginData = join("gate", "plugins");

/**
 * What the operator wrote: without its policy, a restored gate would allow what was forbidden. And whose the names are
 * by which its rules know tools.
 */
const files = [
  ...[policyFile, egressConfigFile, pluginSettingsFile, groupsFile, approvalsFile],
  toolNamesFile,
] as const;

/** What sessions have used of their rates: without it, a restored gate would give everybody a new burst. */
const ratesFile = join("gate", "rates.json");

/** In a copy for as long as it is being made, in either direction: what broke off may lack what forbids. */
const unfinishedFile = "unfinished";

/**
 * Copies a data directory while its server runs: what was acknowledged before the call is in the copy.
 * The store comes first; the folders of tasks only ever hold more than it knows of.
 *
 * Throws `backup.not_empty`, `store.*`.
 */
export async function backupInto(
  store: SqliteStore,
  dataDirectory: string,
  target: string,
  copyHostile: CopyHostile,
): Promise<void> {
  await mkdir(target, { recursive: true, mode: 0o700 });
  if ((await readdir(target)).length > 0) {
    throw new HoldfastError("backup", "not_empty", `${target} is not empty; name a new directory`, {
      statusCode: 409,
    });
  }
  await writeFile(join(target, unfinishedFile), "This backup is not whole.\n", { mode: 0o600 });
  await store.backup(join(target, storeFolder));
  await mkdir(join(target, "gate"), { mode: 0o700 });
  for (const folder of folders) await copyFolder(join(dataDirectory, folder), join(target, folder));
  for (const file of files) await copyIfThere(join(dataDirectory, file), join(target, file));
  await copyTasks(join(dataDirectory, "tasks"), join(target, "tasks"), copyHostile);
  if (existsSync(join(dataDirectory, pluginData)))
    await copyHostile(join(dataDirectory, pluginData), join(target, pluginData));
  for (const name of ["usage.db", "taint.db"])
    await copyDatabase(join(dataDirectory, "gate", name), join(target, "gate", name));
  await copyIfThere(join(dataDirectory, ratesFile), join(target, ratesFile));
  // Before the log, so that the copy has all the records that are signed in it.
  const checkpoints = join("gate", "audit.checkpoints");
  await copyIfThere(join(dataDirectory, checkpoints), join(target, checkpoints));
  await copyAuditLog(join(dataDirectory, "gate", "audit.log"), join(target, "gate"));
  await rm(join(target, unfinishedFile));
}

/** Throws `backup.nothing_there`, `backup.unfinished` unless a whole backup is in `directory`. */
export function requireBackup(directory: string): void {
  if (!existsSync(join(directory, storeFolder)))
    throw new HoldfastError("backup", "nothing_there", `There is no backup at ${directory}`);
  if (!existsSync(join(directory, unfinishedFile))) return;
  const message = `The backup at ${directory} was cut off before it was whole: restore another one`;
  throw new HoldfastError("backup", "unfinished", message);
}

/**
 * Fills an empty data directory from a backup. One in which this broke off is not used by a server.
 * Throws `backup.nothing_there`, `backup.unfinished`.
 */
export async function restoreDataDirectory(backup: string, dataDirectory: string): Promise<void> {
  requireBackup(backup);
  const unfinished = join(dataDirectory, unfinishedFile);
  await writeFile(unfinished, "This data directory is not whole.\n", { mode: 0o600 });
  await cp(backup, dataDirectory, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  await rm(unfinished);
}

/** Throws `backup.unfinished` where a restore into the data directory broke off. */
export function requireRestored(dataDirectory: string): void {
  if (!existsSync(join(dataDirectory, unfinishedFile))) return;
  const message = `A restore into ${dataDirectory} broke off: remove what is there, and restore it again`;
  throw new HoldfastError("backup", "unfinished", message);
}

/**
 * {@link backupInto} where no server runs. Throws `store.locked` when one does, `backup.unfinished` where a
 * restore broke off.
 */
export async function backupDataDirectory(dataDirectory: string, target: string): Promise<void> {
  requireRestored(dataDirectory);
  const store = await openSqliteStore({ path: join(dataDirectory, storeFolder), ports: systemPorts() });
  try {
    // The lock is ours: no agent runs that could change a folder under the copy.
    await backupInto(store, dataDirectory, target, copyFolder);
  } finally {
    await store.close();
  }
}

/** Copies a folder that an agent may be changing at this moment. */
export type CopyHostile = (from: string, to: string) => Promise<void>;

/**
 * An agent could put a link to a file of the host where a folder was when the copy began. In a jail there
 * is nothing that such a link could lead to.
 */
export function copyInJail(jails: Jails): CopyHostile {
  if (jails.driver.unsafe) return copyFolder;
  return async (from, to) => {
    await mkdir(to, { recursive: true, mode: 0o700 });
    const result = await jails.runTool({
      command: "cp",
      args: ["-a", "--no-target-directory", "/run/holdfast/from", "/run/holdfast/to"],
      cwd: "/",
      mounts: [
        { source: from, target: "/run/holdfast/from", mode: "ro" },
        { source: to, target: "/run/holdfast/to", mode: "rw" },
      ],
      timeoutMs: 600_000,
    });
    if (result.code === 0) return;
    // Files come and go while an agent works: the rest was copied, and the agent's next look mends it.
    const lines = result.stderr.toString("utf8").trim().split("\n");
    if (lines.every((line) => /No such file or directory|file changed|vanished/.test(line))) return;
    throw new HoldfastError("backup", "failed", `A task could not be copied: ${lines[0] ?? result.reason}`);
  };
}

async function copyTasks(from: string, to: string, copyHostile: CopyHostile): Promise<void> {
  for (const task of await readdir(from).catch(() => [])) {
    await mkdir(join(to, task), { recursive: true, mode: 0o700 });
    await copyFolder(join(from, task, "host.git"), join(to, task, "host.git"));
    for (const hostile of ["workspace", "home"]) {
      if (existsSync(join(from, task, hostile)))
        await copyHostile(join(from, task, hostile), join(to, task, hostile));
    }
  }
}

async function copyFolder(from: string, to: string): Promise<void> {
  try {
    await lstat(from);
  } catch {
    return;
  }
  await cp(from, to, {
    recursive: true,
    preserveTimestamps: true,
    // What agents wrote may link anywhere: links are copied, never followed.
    verbatimSymlinks: true,
    filter: async (source) => {
      if (source.endsWith(".partial")) return false;
      const stat = await lstat(source).catch(() => undefined);
      return stat !== undefined && (stat.isFile() || stat.isDirectory() || stat.isSymbolicLink());
    },
  });
}

/** What was used of budgets goes along; a file that is being written cannot be copied as it lies. */
async function copyDatabase(from: string, to: string): Promise<void> {
  if (!existsSync(from)) return;
  const database = new DatabaseSync(from, { readOnly: true, timeout: 5_000 });
  try {
    await backup(database, to);
    await chmod(to, 0o600);
  } finally {
    database.close();
  }
}

async function copyIfThere(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}

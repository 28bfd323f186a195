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
import { cacheFolders } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { approvalsFile } from "./approvals/approval-hooks.ts";
import { plansFile } from "./billing/plans.ts";
import { allowedHostsFile } from "./environments/step-network.ts";
import { groupsFile } from "./groups/group-settings.ts";

/** Folder of the actors' store in a data directory. */
export const storeFolder = "actors";

/** A backup of actors that are not in the data directory. */
export function storeElsewhere(): HoldfastError {
  const message =
    'The actors are in PostgreSQL or Redis, which has backups of its own. For PostgreSQL, run: pg_dump --format=custom --schema=holdfast --file=actors.dump "$HOLDFAST_STORE" (once for each database, if it names several), then copy the bucket of HOLDFAST_BLOBS, if there is one. For Redis, copy the files of the server after BGSAVE. Then copy the data directory of each node without postgres-cache and redis-cache';
  return new HoldfastError("backup", "store_elsewhere", message, { statusCode: 409 });
}

/**
 * Folders to copy in addition to the store. Excludes what can be recreated (installed agents, bundles), and the gate's
 * open questions, whose agents do not survive.
 */
const copiedFolders = [
  "sample",
  "groups",
  "vault",
  "plugins",
  "credentials",
  join("gate", "installed"),
] as const;

/** A data folder per plugin. Untrusted: written by the plugin's process, as a workspace is by an agent. */
const pluginData = join("gate", "plugins");

/**
 * The operator's configuration: without its policy, a restored gate would allow what was forbidden. Also the registry
 * of tool names, which policy rules refer to.
 */
const copiedFiles = [
  ...[
    policyFile,
    egressConfigFile,
    pluginSettingsFile,
    groupsFile,
    approvalsFile,
    allowedHostsFile,
    plansFile,
  ],
  toolNamesFile,
] as const;

/** Rate-limit counters: without them, a restored gate would allow every session a new burst. */
const ratesFile = join("gate", "rates.json");

/** Marks an incomplete backup or restore, which may lack the files that forbid something. */
const unfinishedFile = "unfinished";

/**
 * Copies the data directory of a running server. Includes everything that was acknowledged before the call. The store
 * is copied first: the task folders may be newer than the store, but never older.
 *
 * Throws `backup.not_empty`, `store.*`.
 */
export async function backupInto(
  backupStore: (directory: string) => Promise<unknown>,
  dataDirectory: string,
  target: string,
  copyUntrusted: CopyUntrusted,
): Promise<void> {
  await mkdir(target, { recursive: true, mode: 0o700 });
  if ((await readdir(target)).length > 0) {
    throw new HoldfastError("backup", "not_empty", `${target} is not empty. Choose a new directory.`, {
      statusCode: 409,
    });
  }
  await writeFile(join(target, unfinishedFile), "This backup is incomplete.\n", { mode: 0o600 });
  await backupStore(join(target, storeFolder));
  await mkdir(join(target, "gate"), { mode: 0o700 });
  for (const folder of copiedFolders) await copyFolder(join(dataDirectory, folder), join(target, folder));
  for (const file of copiedFiles) await copyIfExists(join(dataDirectory, file), join(target, file));
  await copyTasks(join(dataDirectory, "tasks"), join(target, "tasks"), copyUntrusted);
  if (existsSync(join(dataDirectory, pluginData)))
    await copyUntrusted(join(dataDirectory, pluginData), join(target, pluginData));
  for (const name of ["usage.db", "taint.db"])
    await copyDatabase(join(dataDirectory, "gate", name), join(target, "gate", name));
  await copyIfExists(join(dataDirectory, ratesFile), join(target, ratesFile));
  // Copy the checkpoints before the log, so that the copied log contains every record they sign.
  const checkpoints = join("gate", "audit.checkpoints");
  await copyIfExists(join(dataDirectory, checkpoints), join(target, checkpoints));
  await copyAuditLog(join(dataDirectory, "gate", "audit.log"), join(target, "gate"));
  await rm(join(target, unfinishedFile));
}

/** Throws `backup.nothing_there` or `backup.unfinished` unless `directory` contains a complete backup. */
export function requireBackup(directory: string): void {
  if (!existsSync(join(directory, storeFolder)))
    throw new HoldfastError("backup", "nothing_there", `There is no backup at ${directory}`);
  if (!existsSync(join(directory, unfinishedFile))) return;
  const message = `The backup at ${directory} is incomplete, because it was interrupted. Restore another one.`;
  throw new HoldfastError("backup", "unfinished", message);
}

/**
 * Restores a backup into an empty data directory. A server refuses to use the directory if this was interrupted.
 * Throws `backup.nothing_there`, `backup.unfinished`.
 */
export async function restoreDataDirectory(backup: string, dataDirectory: string): Promise<void> {
  requireBackup(backup);
  const unfinished = join(dataDirectory, unfinishedFile);
  await writeFile(unfinished, "This data directory is incomplete.\n", { mode: 0o600 });
  await cp(backup, dataDirectory, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  await rm(unfinished);
}

/** Throws `backup.unfinished` if a restore into the data directory was interrupted. */
export function requireRestored(dataDirectory: string): void {
  if (!existsSync(join(dataDirectory, unfinishedFile))) return;
  const message = `A restore into ${dataDirectory} was interrupted. Delete its contents, and restore again.`;
  throw new HoldfastError("backup", "unfinished", message);
}

/**
 * Like {@link backupInto}, while no server runs. Throws `store.locked` if one does, `backup.unfinished` after an
 * interrupted restore, and `backup.store_elsewhere` if the actors are, or were, in PostgreSQL or Redis: actors in SQLite may then
 * be those from before a migration.
 */
export async function backupDataDirectory(dataDirectory: string, target: string): Promise<void> {
  requireRestored(dataDirectory);
  if (cacheFolders.some((folder) => existsSync(join(dataDirectory, folder)))) throw storeElsewhere();
  const store = await openSqliteStore({ path: join(dataDirectory, storeFolder), ports: systemPorts() });
  try {
    // This process holds the store's lock, so no agent can change the folders during the copy.
    await backupInto((directory) => store.backup(directory), dataDirectory, target, copyFolder);
  } finally {
    await store.close();
  }
}

/** Copies an untrusted folder that an agent may be changing. */
export type CopyUntrusted = (from: string, to: string) => Promise<void>;

/**
 * Copies inside a jail: during the copy, an agent could replace a folder by a link to a file of the host, and in a
 * jail such a link leads nowhere.
 */
export function copyInJail(jails: Jails): CopyUntrusted {
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
    // Files may disappear while an agent works. The others were copied.
    const lines = result.stderr.toString("utf8").trim().split("\n");
    if (lines.every((line) => /No such file or directory|file changed|vanished/.test(line))) return;
    throw new HoldfastError("backup", "failed", `Could not copy a task: ${lines[0] ?? result.reason}`);
  };
}

async function copyTasks(from: string, to: string, copyUntrusted: CopyUntrusted): Promise<void> {
  for (const task of await readdir(from).catch(() => [])) {
    await mkdir(join(to, task), { recursive: true, mode: 0o700 });
    await copyFolder(join(from, task, "host.git"), join(to, task, "host.git"));
    for (const folder of ["workspace", "home"]) {
      if (existsSync(join(from, task, folder)))
        await copyUntrusted(join(from, task, folder), join(to, task, folder));
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
    // Agents can create arbitrary links: copy links, never follow them.
    verbatimSymlinks: true,
    filter: async (source) => {
      if (source.endsWith(".partial")) return false;
      const stat = await lstat(source).catch(() => undefined);
      return stat !== undefined && (stat.isFile() || stat.isDirectory() || stat.isSymbolicLink());
    },
  });
}

/** Copies an SQLite database through its backup API, because it may be in use. */
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

async function copyIfExists(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}

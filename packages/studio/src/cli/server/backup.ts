import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { resolve } from "node:path";
import { askControl, dataDirectoryOf, oneArgument, parse, prepareDataDirectory } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import { backupDataDirectory, requireBackup, restoreDataDirectory, storeElsewhere } from "../../backup.ts";
import { sharedStoreUrl } from "./shared-store.ts";

export const backupUsage = `holdfast backup DIRECTORY [--data DIR]

Copies the data directory into a new directory while the server runs. The copy contains everything
that was acknowledged before the backup started. Refuses if the actors are in PostgreSQL or Redis,
and says what to use there.`;

export const restoreUsage = `holdfast restore DIRECTORY [--data DIR]

Creates a data directory from a backup. The data directory must be missing or empty, and HOLDFAST_STORE
not set: a backup has its actors in SQLite.`;

export async function backupCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {});
  if (values.help === true) {
    console.log(backupUsage);
    return 0;
  }
  const directory = resolve(oneArgument(positionals, "The directory"));
  const dataDirectory = dataDirectoryOf(values.data);
  await refuseUnlessEmpty(directory);
  const running = await askControl(dataDirectory, "/backup", { directory });
  if (running === undefined) {
    if (sharedStoreUrl() !== undefined) throw storeElsewhere();
    if (!existsSync(dataDirectory))
      throw new HoldfastError("backup", "nothing_there", `There is no data directory at ${dataDirectory}`);
    await backupDataDirectory(dataDirectory, directory);
  }
  console.log(values.json === true ? JSON.stringify({ directory }) : `Backed up to ${directory}`);
  return 0;
}

export async function restoreCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {});
  if (values.help === true) {
    console.log(restoreUsage);
    return 0;
  }
  const directory = resolve(oneArgument(positionals, "The directory"));
  const dataDirectory = dataDirectoryOf(values.data);
  requireBackup(directory);
  if (sharedStoreUrl() !== undefined) throw notForDatabase();
  await refuseUnlessEmpty(dataDirectory);
  await prepareDataDirectory(dataDirectory);
  await restoreDataDirectory(directory, dataDirectory);
  console.log(values.json === true ? JSON.stringify({ dataDirectory }) : `Restored to ${dataDirectory}`);
  return 0;
}

function notForDatabase(): HoldfastError {
  const message =
    'HOLDFAST_STORE is set, and this backup has its actors in SQLite. Restore a dump of the database with pg_restore --clean --if-exists --dbname="$HOLDFAST_STORE" actors.dump (each database with its own, if it names several). Or restore this backup without HOLDFAST_STORE, and run holdfast migrate';
  return new HoldfastError("backup", "store_elsewhere", message);
}

async function refuseUnlessEmpty(directory: string): Promise<void> {
  if (existsSync(directory) && (await readdir(directory)).length > 0) {
    throw new HoldfastError("backup", "not_empty", `${directory} is not empty. Choose a new directory.`);
  }
}

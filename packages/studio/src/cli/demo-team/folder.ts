/** `holdfast start --demo-team`: a Studio with people and repositories of its own, on a GitHub in the same process. */
import { existsSync } from "node:fs";
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { dataDirectoryOf, prepareDataDirectory } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";

/** What the folder of a demo team remembers. */
export interface DemoTeamRecord {
  readonly version: 1;
  /** Where the Studio was, to which the webhooks are sent. */
  readonly studioUrl: string | null;
}

/** Marks a folder as a demo team's, so that no other is ever used or emptied. */
const recordFile = "demo-team.json";

/** The folder of the option `--data`, or else one beside the usual data directory. */
export function demoTeamDirectory(option: string | undefined): string {
  return option === undefined ? `${dataDirectoryOf(undefined)}-demo-team` : dataDirectoryOf(option);
}

/**
 * Creates the folder of a demo team, or empties it first. Throws `demo_team.foreign_folder` for one that holds anything
 * else.
 */
export async function prepareDemoTeam(directory: string, isFresh: boolean): Promise<void> {
  const entries = existsSync(directory) ? await readdir(directory) : [];
  const isOurs = entries.includes(recordFile);
  if (entries.length > 0 && !isOurs) throw foreignFolder(directory);
  if (isFresh) {
    // The mark goes last: what is interrupted can be repeated.
    for (const entry of entries.filter((each) => each !== recordFile))
      await rm(join(directory, entry), { recursive: true, force: true, maxRetries: 3 });
    await rm(join(directory, recordFile), { force: true });
  }
  await prepareDataDirectory(directory);
  if (isFresh || !isOurs) await writeRecord(directory, { version: 1, studioUrl: null });
}

export async function readRecord(directory: string): Promise<DemoTeamRecord> {
  return JSON.parse(await readFile(join(directory, recordFile), "utf8")) as DemoTeamRecord;
}

export async function writeRecord(directory: string, record: DemoTeamRecord): Promise<void> {
  const path = join(directory, recordFile);
  await writeFile(`${path}.partial`, JSON.stringify(record), { mode: 0o600 });
  await rename(`${path}.partial`, path);
}

function foreignFolder(directory: string): HoldfastError {
  const message = `${directory} is not the folder of a demo team. Choose a new one with --data, or leave the option out.`;
  return new HoldfastError("demo_team", "foreign_folder", message, { statusCode: 409 });
}

import { basename } from "node:path";
import type { Logger } from "@holdfast/core";
import { EarlierFile } from "./earlier-file.ts";
import type { EarlierRow, EarlierRows } from "./earlier-rows.ts";
import { type FileReader, filesLeft, filesOf } from "./readers.ts";

/** The actors of a plugin. */
export interface MoveTarget {
  /** Gives rows to the actor of a group. Returns the position after which rows are missing. */
  takeOver(group: string, rows: EarlierRows<unknown>): Promise<number>;
}

/** Rows that are read at once, and bytes that are sent at once: below the limit of a message. */
const rowsAtOnce = 100;
const bytesAtOnce = 32 * 1024;

/**
 * Moves what a plugin kept in `directory` before this node was in a cluster into the actors, a file at a time, and keeps each
 * file under another name. It may end at any point and be repeated: no row is taken twice, also not one that was deleted
 * meanwhile. Returns the number of rows that were sent. Throws if the actors cannot be reached or a file cannot be read.
 */
export async function moveEarlierData(
  plugin: string,
  directory: string,
  {
    groups,
    target,
    log,
  }: { readonly groups: readonly string[]; readonly target: MoveTarget; readonly log: Logger },
): Promise<number> {
  let total = 0;
  for (const reader of filesOf(plugin, directory, groups)) {
    const { rows, kept } = await moveFile(reader, target);
    total += rows;
    log.warn("data from before this node was in a cluster was moved to the store of all nodes", {
      ...{ plugin, rows, kept },
    });
  }
  const left = filesLeft(directory);
  if (left.length > 0)
    log.warn("data of groups that groups.json does not name stays in the files of this node", {
      ...{ plugin, directory, files: left.slice(0, 20) },
    });
  return total;
}

async function moveFile(reader: FileReader, target: MoveTarget) {
  const file = new EarlierFile(reader.path);
  let rows = 0;
  try {
    for (const group of reader.groups(file)) rows += await moveGroup(reader, file, group, target);
  } catch (error) {
    file.close();
    throw error;
  }
  return { rows, kept: basename(file.keepAsMoved()) };
}

async function moveGroup(
  reader: FileReader,
  file: EarlierFile,
  group: string,
  target: MoveTarget,
): Promise<number> {
  const { source } = file;
  let sent = 0;
  // Some may have been taken before this process began.
  let after = await target.takeOver(group, { source, after: 0, rows: [] });
  for (;;) {
    const rows = shortened(reader.read(file, group, after, rowsAtOnce));
    if (rows.length === 0) return sent;
    after = await target.takeOver(group, { source, after, rows });
    sent += rows.length;
  }
}

/** The first rows that fit into one message, at least one. */
function shortened(rows: readonly EarlierRow<unknown>[]): readonly EarlierRow<unknown>[] {
  let bytes = 0;
  const end = rows.findIndex((row) => {
    bytes += Buffer.byteLength(JSON.stringify(row));
    return bytes > bytesAtOnce;
  });
  return end < 0 ? rows : rows.slice(0, Math.max(1, end));
}

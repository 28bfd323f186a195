import { scheduleLimits } from "../../limits.ts";
import type { CronFire } from "../../schedule.ts";
import type { EntryBuffer } from "../kv/entry-buffer.ts";
import {
  decodeHistory,
  encodeRecord,
  type HistoryRow,
  historyKey,
  historyKeys,
  type RecurringRow,
} from "./rows.ts";

/**
 * Run history of recurring schedules: cold records, numbered per schedule. The row of a schedule holds the range of
 * its numbers, so that enforcing the limits reads nothing.
 */
export class History {
  readonly #records: EntryBuffer;

  constructor(records: EntryBuffer) {
    this.#records = records;
  }

  /** Adds a history row; returns the updated schedule. */
  add(row: RecurringRow, entry: HistoryRow): RecurringRow {
    if (row.maxHistory === 0) return row;
    const { from, to } = row.history;
    this.#records.put(historyKey(row.name, to), encodeRecord(entry));
    return this.trim({ ...row, history: { from, to: to + 1 } }, row.maxHistory);
  }

  /** Overwrites a history row, unless it has been deleted since. */
  replace(row: RecurringRow, sequence: number, entry: HistoryRow): void {
    if (sequence < row.history.from) return;
    this.#records.put(historyKey(row.name, sequence), encodeRecord(entry));
  }

  /** Deletes the oldest rows beyond `count`. */
  trim(row: RecurringRow, count: number): RecurringRow {
    const { from, to } = row.history;
    const firstKept = Math.max(from, to - count);
    if (firstKept === from) return row;
    if (firstKept === from + 1) this.#records.delete(historyKey(row.name, from));
    else this.#drop(row.name, from, firstKept);
    return { ...row, history: { from: firstKept, to } };
  }

  clear(row: RecurringRow): void {
    if (row.history.from < row.history.to) this.#drop(row.name, row.history.from, row.history.to);
  }

  /** Latest first. */
  async list(row: RecurringRow, limit: number): Promise<CronFire[]> {
    const { from, to } = row.history;
    const range = historyKeys(row.name, from, to);
    const entries = await this.#records.list({ ...range, limit, reverse: true });
    return entries.map(({ value }) => decodeHistory(value));
  }

  #drop(name: string, from: number, to: number): void {
    const { start, end } = historyKeys(name, from, to);
    this.#records.deleteRange(start, end);
  }
}

/** The schedule with the longest history, if all histories together exceed the limit. */
export function longestOverLimit(rows: Iterable<RecurringRow>): RecurringRow | undefined {
  let total = 0;
  let longest: RecurringRow | undefined;
  for (const row of rows) {
    total += length(row);
    if (longest === undefined || length(row) > length(longest)) longest = row;
  }
  return total > scheduleLimits.maxHistoryRows ? longest : undefined;
}

function length({ history }: RecurringRow): number {
  return history.to - history.from;
}

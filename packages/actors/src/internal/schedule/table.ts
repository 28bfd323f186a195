import type { KvEntry } from "../../ports/records.ts";
import type { EntryBuffer } from "../kv/entry-buffer.ts";
import { latin1 } from "../kv/entry-buffer.ts";
import type { ErrorFilter } from "../lifecycle/error-filter.ts";
import { DeadLetters } from "./dead-letters.ts";
import { History, longestOverLimit } from "./history.ts";
import {
  decodeRow,
  encodeRecord,
  isDeadSequence,
  type OneShotRow,
  type RecurringRow,
  type Row,
  rowKey,
} from "./rows.ts";

/** The schedules of one actor: in memory, and as hot records that commit with the turn. */
export class ScheduleTable {
  readonly history: History;
  readonly deadLetters: DeadLetters;
  readonly #records: EntryBuffer;
  readonly #oneShots = new Map<string, OneShotRow>();
  readonly #recurring = new Map<string, RecurringRow>();
  /** Cached earliest due time of the schedules that are not paused. */
  #earliest: number | undefined;
  #earliestKnown = true;

  constructor(records: EntryBuffer) {
    this.#records = records;
    this.history = new History(records);
    this.deadLetters = new DeadLetters(records);
  }

  /** A record that cannot be decoded is reported and stays in the store, but does not run. */
  load(entries: readonly KvEntry[], errors: ErrorFilter): void {
    for (const { key, value } of entries) {
      try {
        if (isDeadSequence(key)) this.deadLetters.load(value);
        else this.#add(decodeRow(value));
      } catch (error) {
        errors.report(error);
      }
    }
  }

  get oneShots(): ReadonlyMap<string, OneShotRow> {
    return this.#oneShots;
  }

  get recurring(): ReadonlyMap<string, RecurringRow> {
    return this.#recurring;
  }

  get all(): Row[] {
    return [...this.#oneShots.values(), ...this.#recurring.values()];
  }

  /** The current version of the row, if it still exists. */
  current(row: Row): Row | undefined {
    if (row.kind === "at") return this.#oneShots.get(row.id);
    const now = this.#recurring.get(row.name);
    return now?.id === row.id ? now : undefined;
  }

  put(row: Row): void {
    this.#records.put(rowKey(row), encodeRecord(row));
    this.#add(row);
    if (row.kind === "recurring") this.#boundHistory();
  }

  delete(row: Row): void {
    this.#records.delete(rowKey(row));
    this.#remove(row);
    if (row.kind === "at") this.#oneShots.delete(row.id);
    else {
      this.#recurring.delete(row.name);
      this.history.clear(row);
    }
  }

  /** The earliest due time of the schedules that are not paused. */
  get earliest(): number | undefined {
    if (this.#earliestKnown) return this.#earliest;
    let earliest: number | undefined;
    const consider = (dueAt: number): void => {
      if (earliest === undefined || dueAt < earliest) earliest = dueAt;
    };
    for (const { dueAt } of this.#oneShots.values()) consider(dueAt);
    for (const { dueAt, paused } of this.#recurring.values()) if (paused !== true) consider(dueAt);
    this.#earliest = earliest;
    this.#earliestKnown = true;
    return earliest;
  }

  /** Returns a function that restores the current in-memory state; the records have their own rollback. */
  checkpoint(): () => void {
    const oneShots = [...this.#oneShots];
    const recurring = [...this.#recurring];
    const dead = this.deadLetters.checkpoint();
    return () => {
      this.#oneShots.clear();
      this.#recurring.clear();
      for (const [id, row] of oneShots) this.#oneShots.set(id, row);
      for (const [name, row] of recurring) this.#recurring.set(name, row);
      this.#earliestKnown = false;
      dead();
    };
  }

  #add(row: Row): void {
    const before = row.kind === "at" ? this.#oneShots.get(row.id) : this.#recurring.get(row.name);
    if (before !== undefined) this.#remove(before);
    const waits = row.kind === "at" || row.paused !== true;
    if (waits && (this.#earliest === undefined || row.dueAt < this.#earliest)) this.#earliest = row.dueAt;
    if (row.kind === "at") this.#oneShots.set(row.id, row);
    else this.#recurring.set(row.name, row);
  }

  /** Only the removal of the earliest row requires a scan for the next one. */
  #remove(row: Row): void {
    if (this.#earliest === undefined || row.dueAt <= this.#earliest) this.#earliestKnown = false;
  }

  #boundHistory(): void {
    const longest = longestOverLimit(this.#recurring.values());
    if (longest === undefined) return;
    const { from, to } = longest.history;
    const trimmed = this.history.trim(longest, to - from - 1);
    this.#records.put(rowKey(trimmed), encodeRecord(trimmed));
    this.#recurring.set(trimmed.name, trimmed);
  }
}

/** Unique name of a row among all rows of its actor. */
export function rowName(row: Row): string {
  return latin1(rowKey(row));
}

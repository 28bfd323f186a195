import { scheduleLimits } from "../../limits.ts";
import type { EntryBuffer } from "../kv/entry-buffer.ts";
import {
  type DeadRow,
  deadKey,
  deadSequenceKey,
  decodeDead,
  decodeSequence,
  encodeRecord,
  type Sequence,
} from "./rows.ts";

/** One-shot schedules whose attempts are exhausted: cold records, bounded by deleting the oldest. */
export class DeadLetters {
  readonly #records: EntryBuffer;
  #sequence: Sequence = { from: 0, to: 0 };

  constructor(records: EntryBuffer) {
    this.#records = records;
  }

  load(value: Uint8Array): void {
    this.#sequence = decodeSequence(value);
  }

  add(row: DeadRow): void {
    const { from, to } = this.#sequence;
    this.#records.put(deadKey(to), encodeRecord(row));
    const firstKept = Math.max(from, to + 1 - scheduleLimits.maxDeadLetters);
    if (firstKept > from) this.#records.deleteRange(deadKey(from), deadKey(firstKept));
    this.#sequence = { from: firstKept, to: to + 1 };
    this.#records.put(deadSequenceKey, encodeRecord(this.#sequence));
  }

  /** Latest first. */
  async list(): Promise<DeadRow[]> {
    return (await this.#entries()).map(({ row }) => row);
  }

  /** Deletes a dead letter and returns it. */
  async take(id: string): Promise<DeadRow | undefined> {
    const found = (await this.#entries()).find(({ row }) => row.id === id);
    if (found === undefined) return undefined;
    this.#records.delete(found.key);
    return found.row;
  }

  checkpoint(): () => void {
    const sequence = this.#sequence;
    return () => {
      this.#sequence = sequence;
    };
  }

  async #entries(): Promise<{ readonly key: Uint8Array; readonly row: DeadRow }[]> {
    const { from, to } = this.#sequence;
    if (from === to) return [];
    const entries = await this.#records.list({ start: deadKey(from), end: deadKey(to), reverse: true });
    return entries.map(({ key, value }) => ({ key, row: decodeDead(value) }));
  }
}

import type { Clock } from "@holdfast/core";
import type { EntryBuffer } from "../../kv/entry-buffer.ts";
import { recordPrefix } from "../../lifecycle/part.ts";
import { queueLimits } from "../limits.ts";
import { type DedupeRecord, decodeDedupe, dedupeRecordKey, dedupeText, encodeDedupe } from "./records.ts";

/** A snapshot for rollbacks. */
export type DedupeState = ReadonlyMap<string, DedupeEntry>;

interface DedupeEntry extends DedupeRecord {
  readonly record: Uint8Array;
}

/** Deduplication keys of messages within their windows, oldest first. */
export class Dedupe {
  readonly #records: EntryBuffer;
  readonly #clock: Clock;
  readonly #keys = new Map<string, DedupeEntry>();

  constructor(records: EntryBuffer, clock: Clock) {
    this.#records = records;
    this.#clock = clock;
  }

  async load(): Promise<void> {
    const range = {
      start: new Uint8Array([recordPrefix.queueDedupe]),
      end: new Uint8Array([recordPrefix.queueDedupe + 1]),
    };
    const entries = await this.#records.list(range);
    const found = entries.map(({ key, value }) => ({ key, ...decodeDedupe(value) }));
    for (const { key, id, expiresAt } of found.sort((a, b) => a.id - b.id)) {
      this.#keys.set(dedupeText(key), { id, expiresAt, record: key });
    }
    this.#prune();
  }

  /** The id of the message that was sent with this key within its window. */
  find(queue: string, key: string): number | undefined {
    const found = this.#keys.get(`${queue}\0${key}`);
    return found !== undefined && found.expiresAt > this.#clock.now() ? found.id : undefined;
  }

  add(queue: string, key: string, entry: DedupeRecord): void {
    const record = dedupeRecordKey(queue, key);
    const text = `${queue}\0${key}`;
    this.#keys.delete(text);
    this.#keys.set(text, { ...entry, record });
    this.#records.put(record, encodeDedupe(entry));
    this.#prune();
  }

  snapshot(): DedupeState {
    return new Map(this.#keys);
  }

  restore(state: DedupeState): void {
    this.#keys.clear();
    for (const [text, entry] of state) this.#keys.set(text, entry);
  }

  /** Drops the oldest keys while they have expired or are too many. */
  #prune(): void {
    const now = this.#clock.now();
    for (const [text, { expiresAt, record }] of this.#keys) {
      if (expiresAt > now && this.#keys.size <= queueLimits.maxDedupeKeys) return;
      this.#keys.delete(text);
      this.#records.delete(record);
    }
  }
}

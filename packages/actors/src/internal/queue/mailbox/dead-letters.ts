import type { EntryBuffer } from "../../kv/entry-buffer.ts";
import { recordPrefix } from "../../lifecycle/part.ts";
import { queueLimits } from "../limits.ts";
import type { Bodies } from "./bodies.ts";
import { decodeMessage, encodeMessage, type MessageRecord, numberedKey, prefixRange } from "./records.ts";

/** Stored messages that failed too often and have no dead-letter queue. They are read only on request. */
export class DeadLetters {
  readonly #records: EntryBuffer;
  readonly #bodies: Bodies;

  constructor(records: EntryBuffer, bodies: Bodies) {
    this.#records = records;
    this.#bodies = bodies;
  }

  /** All dead letters, oldest message first. */
  async list(): Promise<MessageRecord[]> {
    const entries = await this.#records.list(prefixRange(recordPrefix.queueDead));
    return entries.map(({ key, value }) => decodeMessage(key, value));
  }

  add(letter: MessageRecord): void {
    this.#records.put(letterKey(letter), encodeMessage(letter));
  }

  /** Deletes the oldest letters above the limit. */
  async trim(): Promise<void> {
    const letters = await this.list();
    for (const letter of letters.slice(0, Math.max(0, letters.length - queueLimits.maxDeadLetters))) {
      this.delete(letter);
    }
  }

  delete(letter: MessageRecord): void {
    this.take(letter);
    this.#bodies.delete(letter);
  }

  /** Deletes the record of a letter, but not its body, which the revived message uses. */
  take(letter: MessageRecord): void {
    this.#records.delete(letterKey(letter));
  }
}

function letterKey({ id }: MessageRecord): Uint8Array {
  return numberedKey(recordPrefix.queueDead, id);
}

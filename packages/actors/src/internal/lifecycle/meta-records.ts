import { HoldfastError } from "@holdfast/core";
import type { KvEntry } from "../../ports/records.ts";
import type { EntryBuffer } from "../kv/entry-buffer.ts";
import { recordPrefix } from "./part.ts";

/**
 * The runtime's own records of an actor. A key is the prefix and a byte from this table, a value a format byte and a
 * float64, big-endian. Golden files pin them, and a number never changes its meaning. 0x10 is the inspector token,
 * whose value is not a number.
 */
export const metaKey = { stateVersion: 0x01, runWakeAt: 0x02, destroyAskedAt: 0x03 } as const;

type MetaKey = (typeof metaKey)[keyof typeof metaKey];

const format = 1;

/** Reads one number of the hot records; undefined if there is no such record. Throws `store.unknown_format`. */
export function readMeta(hot: readonly KvEntry[] | undefined, key: MetaKey): number | undefined {
  const entry = hot?.find((item) => item.key.length === 2 && item.key[1] === key);
  if (entry === undefined) return undefined;
  if (entry.value[0] !== format || entry.value.length !== 9) {
    const written = entry.value[0] ?? "none";
    throw new HoldfastError("store", "unknown_format", `A record of the actor has format ${written}`);
  }
  return new DataView(entry.value.buffer, entry.value.byteOffset).getFloat64(1);
}

export function writeMeta(records: EntryBuffer, key: MetaKey, value: number | undefined): void {
  const stored = new Uint8Array([recordPrefix.meta, key]);
  if (value === undefined) return records.delete(stored);
  const bytes = new Uint8Array(9);
  bytes[0] = format;
  new DataView(bytes.buffer).setFloat64(1, value);
  records.put(stored, bytes);
}

import type { LogRecord } from "./types.ts";

/** Unique among the actor's records: a restarted server counts from 1 again. */
export function recordKey({ time, seq }: LogRecord): string {
  return `${time}/${seq}`;
}

/** Each record once, in order: requested and pushed records overlap. */
export function mergeRecords(read: readonly LogRecord[], pushed: readonly LogRecord[]): readonly LogRecord[] {
  const byKey = new Map([...read, ...pushed].map((record) => [recordKey(record), record]));
  return [...byKey.values()].sort((a, b) => a.time - b.time || a.seq - b.seq);
}

import type { LogRecord } from "./types.ts";

/** Apart from every other record of the actor: a server that was started again counts from 1. */
export function recordKey({ time, seq }: LogRecord): string {
  return `${time}/${seq}`;
}

/** Each record once, in order; what was read and what was pushed overlap. */
export function mergeRecords(read: readonly LogRecord[], pushed: readonly LogRecord[]): readonly LogRecord[] {
  const byKey = new Map([...read, ...pushed].map((record) => [recordKey(record), record]));
  return [...byKey.values()].sort((a, b) => a.time - b.time || a.seq - b.seq);
}

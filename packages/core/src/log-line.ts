import { messageOf } from "./sanitize-error.ts";
import type { LogRecord } from "./system.ts";

/** A record as one line of JSON, its fields beside the message. Never throws: see {@link logJson}. */
export function logLine({ fields, ...record }: LogRecord): string {
  const members: string[] = [];
  for (const [name, value] of Object.entries({ ...record, ...fields })) {
    if (value !== undefined) members.push(`${JSON.stringify(name)}:${logJson(value)}`);
  }
  return `{${members.join(",")}}`;
}

/**
 * A value as JSON text for a log. Programs log and throw anything, cycles and bigints too, and must not fail by
 * how that is written down: never throws. An error is its stack, at whatever depth.
 */
export function logJson(value: unknown): string {
  try {
    return JSON.stringify(value, readable()) ?? JSON.stringify(messageOf(value));
  } catch {
    // A getter, or a `toJSON`, of somebody's own has thrown.
    return JSON.stringify(messageOf(value));
  }
}

/** What `JSON.stringify` is to write in the place of a member. */
function readable(): (this: unknown, name: string, value: unknown) => unknown {
  /** The objects around the member, outermost first. */
  const around: unknown[] = [];
  return function (_name, value) {
    if (typeof value === "bigint") return value.toString();
    if (value instanceof Error) return value.stack ?? value.message;
    if (typeof value !== "object" || value === null) return value;
    while (around.length > 0 && around.at(-1) !== this) around.pop();
    if (around.includes(value)) return "[circular]";
    around.push(value);
    return value;
  };
}

import { messageOf } from "./sanitize-error.ts";
import type { LogRecord } from "./system.ts";

/** Formats a record as one line of JSON, with its fields beside the message. Never throws: see {@link logJson}. */
export function logLine({ fields, ...record }: LogRecord): string {
  const members: string[] = [];
  for (const [name, value] of Object.entries({ ...record, ...fields })) {
    if (value !== undefined) members.push(`${JSON.stringify(name)}:${logJson(value)}`);
  }
  return `{${members.join(",")}}`;
}

/**
 * Formats any value as JSON for a log. Never throws, as programs log cycles, bigints and anything they caught. An
 * error becomes its stack, at any depth.
 */
export function logJson(value: unknown): string {
  try {
    return JSON.stringify(value, createReplacer()) ?? JSON.stringify(messageOf(value));
  } catch {
    // A getter or `toJSON` threw.
    return JSON.stringify(messageOf(value));
  }
}

/** Creates a replacer for `JSON.stringify`. */
function createReplacer(): (this: unknown, name: string, value: unknown) => unknown {
  /** Ancestors of the current member, outermost first. */
  const ancestors: unknown[] = [];
  return function (_name, value) {
    if (typeof value === "bigint") return value.toString();
    if (value instanceof Error) return value.stack ?? value.message;
    if (typeof value !== "object" || value === null) return value;
    while (ancestors.length > 0 && ancestors.at(-1) !== this) ancestors.pop();
    if (ancestors.includes(value)) return "[circular]";
    ancestors.push(value);
    return value;
  };
}

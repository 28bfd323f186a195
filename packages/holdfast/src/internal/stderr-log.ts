import type { LogRecord } from "@holdfast/core";

/** One JSON object a line, on standard error. */
export function writeLine({ fields, ...record }: LogRecord): void {
  process.stderr.write(`${JSON.stringify({ ...record, ...readable(fields) })}\n`);
}

/** Errors have no enumerable fields; a log without their text helps nobody. */
function readable(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const entries = Object.entries(fields).map(([name, value]) => [
    name,
    value instanceof Error ? (value.stack ?? value.message) : value,
  ]);
  return Object.fromEntries(entries);
}

import { type LogRecord, logLine } from "@holdfast/core";

/** One JSON object a line, on standard error. */
export function writeLine(record: LogRecord): void {
  process.stderr.write(`${logLine(record)}\n`);
}

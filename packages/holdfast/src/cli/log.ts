import { createLogger, type Logger, type LogLevel } from "@holdfast/core";

/** Structured logs of the command line: one line of `key=value` fields on standard error. */
export function cliLogger(fallback: LogLevel): Logger {
  const asked = process.env["HOLDFAST_LOG_LEVEL"];
  const level = levels.find((candidate) => candidate === asked) ?? fallback;
  return createLogger(level, (record) => {
    const fields = Object.entries(record.fields).map(([name, value]) => ` ${name}=${fieldText(value)}`);
    process.stderr.write(
      `${new Date(record.time).toISOString()} ${record.level} ${record.message}${fields.join("")}\n`,
    );
  });
}

const levels: readonly LogLevel[] = ["debug", "info", "warn", "error", "silent"];

function fieldText(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.stack ?? value.message);
  return JSON.stringify(value) ?? String(value);
}

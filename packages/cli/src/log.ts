import { createLogger, type Logger, type LogLevel, logJson } from "@holdfast/core";
import { harmless } from "./terminal-text.ts";

/** The levels, and the names that other loggers use for them. */
const levels: Readonly<Record<string, LogLevel>> = {
  trace: "debug",
  debug: "debug",
  info: "info",
  warn: "warn",
  error: "error",
  fatal: "error",
  silent: "silent",
};

/**
 * Logger of the command line: one line of `key=value` fields on standard error. The level comes from
 * HOLDFAST_LOG_LEVEL, or is `fallback` if the variable is unset or invalid.
 */
export function cliLogger(fallback: LogLevel): Logger {
  const asked = process.env["HOLDFAST_LOG_LEVEL"] || fallback;
  const name = asked.toLowerCase();
  const level = Object.hasOwn(levels, name) ? levels[name] : undefined;
  if (level === undefined) {
    process.stderr.write(
      `HOLDFAST_LOG_LEVEL: "${harmless(asked)}" is not one of debug, info, warn, error and silent; using ${fallback}\n`,
    );
  }
  return createLogger(level ?? fallback, (record) => {
    const fields = Object.entries(record.fields).map(([name, value]) => ` ${name}=${logJson(value)}`);
    process.stderr.write(
      `${new Date(record.time).toISOString()} ${record.level} ${record.message}${fields.join("")}\n`,
    );
  });
}

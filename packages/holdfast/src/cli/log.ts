import { createLogger, type Logger, type LogLevel, logJson } from "@holdfast/core";
import { coreLevel, LogLevelSchema } from "../log.ts";
import { harmless } from "./terminal.ts";

/** Structured logs of the command line: one line of `key=value` fields on standard error. */
export function cliLogger(fallback: LogLevel): Logger {
  const asked = process.env["HOLDFAST_LOG_LEVEL"] || fallback;
  const known = LogLevelSchema.safeParse(asked.toLowerCase());
  const level = known.success ? coreLevel(known.data) : fallback;
  if (!known.success) {
    const levels = "debug, info, warn, error and silent";
    process.stderr.write(
      `HOLDFAST_LOG_LEVEL: "${harmless(asked)}" is not one of ${levels}; it is ${level}\n`,
    );
  }
  return createLogger(level, (record) => {
    const fields = Object.entries(record.fields).map(([name, value]) => ` ${name}=${logJson(value)}`);
    process.stderr.write(
      `${new Date(record.time).toISOString()} ${record.level} ${record.message}${fields.join("")}\n`,
    );
  });
}

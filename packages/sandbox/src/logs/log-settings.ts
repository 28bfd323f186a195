import { type LogRecord, logLine } from "@holdfast/core";
import { LogFiles } from "./log-files.ts";

/** Where a server that runs as a program logs, and what of its requests. */
export interface LogSettings {
  readonly write: (record: LogRecord) => void;
  readonly logRequests: boolean;
  readonly logHeaders: boolean;
}

/** The options of the command line, which come before the peer's variables. */
export interface LogFlags {
  readonly "log-dir"?: string | undefined;
  readonly "log-requests"?: boolean | undefined;
}

/**
 * Reads `SANDBOX_AGENT_LOG_DIR` (files by day instead of standard error), `_LOG_STDOUT` (no files after all), `_LOG_HTTP` and
 * `_LOG_HTTP_HEADERS`. Throws when the directory cannot be created.
 */
export function readLogSettings(flags: LogFlags, env: NodeJS.ProcessEnv): LogSettings {
  const directory = flags["log-dir"] ?? env.SANDBOX_AGENT_LOG_DIR;
  const asFiles = directory !== undefined && directory !== "" && !isOn(env.SANDBOX_AGENT_LOG_STDOUT);
  const logHeaders = isOn(env.SANDBOX_AGENT_LOG_HTTP_HEADERS);
  const logRequests = flags["log-requests"] === true || isOn(env.SANDBOX_AGENT_LOG_HTTP) || logHeaders;
  const toStandardError = (line: string) => void process.stderr.write(`${line}\n`);
  if (!asFiles) return { write: (record) => toStandardError(logLine(record)), logRequests, logHeaders };
  const files = new LogFiles(directory, (reason) =>
    toStandardError(`The log in ${directory} cannot be written: ${reason}`),
  );
  return { write: (record) => files.write(logLine(record)), logRequests, logHeaders };
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && !["", "0", "false", "off", "no"].includes(value.toLowerCase());
}

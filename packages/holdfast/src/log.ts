import { createLogger, type Logger, type LogLevel } from "@holdfast/core";
import { writeLine } from "./internal/stderr-log.ts";

export { createLogger, type Logger, type LogLevel, silentLogger } from "@holdfast/core";

let base: Logger | undefined;

/** The logger of this process: `HOLDFAST_LOG_LEVEL` ("warn" unless given), to standard error. */
export function getBaseLogger(): Logger {
  base ??= makeDefaultLogger();
  return base;
}

/** A logger whose records carry `target`. */
export function getLogger(target?: string): Logger {
  return target === undefined ? getBaseLogger() : getBaseLogger().child({ target });
}

/** Records go to `logger` from now on; registries made later use it. */
export function configureBaseLogger(logger: Logger): void {
  base = logger;
}

/** Records of at least this level go to standard error from now on. */
export function configureDefaultLogger(level: LogLevel = levelOfEnvironment()): void {
  base = createLogger(level, writeLine);
}

export function makeDefaultLogger(): Logger {
  return createLogger(levelOfEnvironment(), writeLine);
}

function levelOfEnvironment(): LogLevel {
  const level = process.env["HOLDFAST_LOG_LEVEL"]?.toLowerCase();
  switch (level) {
    case "debug":
    case "info":
    case "warn":
    case "error":
    case "silent":
      return level;
    case "trace":
      return "debug";
    case "fatal":
      return "error";
    default:
      return "warn";
  }
}

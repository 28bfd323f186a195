import { type ActorLogger, actorLogger } from "@holdfast/actors";
import { type LogLevel as CoreLogLevel, createLogger, type Logger } from "@holdfast/core";
import { type ConfigSchema, configSchema } from "./internal/config-schema.ts";
import { type ForeignLogger, loggerFrom } from "./internal/foreign-logger.ts";
import { writeLine } from "./internal/stderr-log.ts";

export type { ActorLogger as Logger } from "@holdfast/actors";
export { createLogger, silentLogger } from "@holdfast/core";

/** "trace" means "debug", and "fatal" means "error". */
export type LogLevel = CoreLogLevel | "trace" | "fatal";

const levels = {
  trace: "debug",
  debug: "debug",
  info: "info",
  warn: "warn",
  error: "error",
  fatal: "error",
  silent: "silent",
} as const satisfies Record<LogLevel, CoreLogLevel>;

/** Schema of a log level. */
export const LogLevelSchema: ConfigSchema<LogLevel> = configSchema((value) => {
  if (typeof value === "string" && isLevel(value)) return value;
  throw new TypeError(`"${String(value)}" is not a log level`);
});

/** The level in force for a requested one; without one, that of the environment. */
export function coreLevel(level: LogLevel = levelOfEnvironment()): CoreLogLevel {
  return levels[level];
}

/** The level under the names of other loggers; HOLDFAST_LOG_LEVEL by default. */
export function getPinoLevel(level: LogLevel = levelOfEnvironment()): LogLevel {
  return level;
}

/** Whether records carry the `target` of their logger: always true here. */
export function getIncludeTarget(): boolean {
  return true;
}

let base: ActorLogger | undefined;

/** The logger of this process: to standard error, with the level `HOLDFAST_LOG_LEVEL` ("warn" by default). */
export function getBaseLogger(): ActorLogger {
  base ??= makeDefaultLogger();
  return base;
}

/** A logger whose records carry `target`. */
export function getLogger(target?: string): ActorLogger {
  return target === undefined ? getBaseLogger() : getBaseLogger().child({ target });
}

/** Sends all further records to `logger`, one of ours or such as pino. Registries created later use it. */
export function configureBaseLogger(logger: Logger | ForeignLogger): void {
  base = actorLogger(loggerFrom(logger));
}

/** Writes all further records of at least this level to standard error. */
export function configureDefaultLogger(level?: LogLevel): void {
  base = makeDefaultLogger(level);
}

/** Creates a logger to standard error with the level `level`, HOLDFAST_LOG_LEVEL by default. */
export function makeDefaultLogger(level?: LogLevel): ActorLogger {
  return actorLogger(createLogger(coreLevel(level), writeLine));
}

/** The invalid value of HOLDFAST_LOG_LEVEL that has been reported, so that it is reported once. */
let told: string | undefined;

function levelOfEnvironment(): LogLevel {
  const asked = process.env["HOLDFAST_LOG_LEVEL"] || "warn";
  const level = asked.toLowerCase();
  if (isLevel(level)) return level;
  if (asked !== told) {
    told = asked;
    const log = createLogger("warn", writeLine);
    log.warn("HOLDFAST_LOG_LEVEL is not a log level; using warn", {
      asked,
      levels: Object.keys(levels),
    });
  }
  return "warn";
}

function isLevel(level: string): level is LogLevel {
  return Object.hasOwn(levels, level);
}

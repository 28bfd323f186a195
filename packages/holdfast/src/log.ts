import { type ActorLogger, actorLogger } from "@holdfast/actors";
import { type LogLevel as CoreLogLevel, createLogger, type Logger } from "@holdfast/core";
import { type ConfigSchema, configSchema } from "./internal/config-schema.ts";
import { type ForeignLogger, loggerFrom } from "./internal/foreign-logger.ts";
import { writeLine } from "./internal/stderr-log.ts";

export type { ActorLogger as Logger } from "@holdfast/actors";
export { createLogger, silentLogger } from "@holdfast/core";

/** "trace" is taken for "debug", and "fatal" for "error". */
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

/** Takes the name of a level, and nothing else. */
export const LogLevelSchema: ConfigSchema<LogLevel> = configSchema((value) => {
  if (typeof value === "string" && isLevel(value)) return value;
  throw new TypeError(`"${String(value)}" is not a level of the log`);
});

/** The level that is kept for one that was asked for; without one, that of the environment. */
export function coreLevel(level: LogLevel = levelOfEnvironment()): CoreLogLevel {
  return levels[level];
}

/** The level in the words of other loggers: HOLDFAST_LOG_LEVEL unless given. */
export function getPinoLevel(level: LogLevel = levelOfEnvironment()): LogLevel {
  return level;
}

/** Whether records carry the `target` of their logger: they always do. */
export function getIncludeTarget(): boolean {
  return true;
}

let base: ActorLogger | undefined;

/** The logger of this process: `HOLDFAST_LOG_LEVEL` ("warn" unless given), to standard error. */
export function getBaseLogger(): ActorLogger {
  base ??= makeDefaultLogger();
  return base;
}

/** A logger whose records carry `target`. */
export function getLogger(target?: string): ActorLogger {
  return target === undefined ? getBaseLogger() : getBaseLogger().child({ target });
}

/** Records go to `logger` from now on, one of ours or such as pino; registries made later use it. */
export function configureBaseLogger(logger: Logger | ForeignLogger): void {
  base = actorLogger(loggerFrom(logger));
}

/** Records of at least this level go to standard error from now on. */
export function configureDefaultLogger(level?: LogLevel): void {
  base = makeDefaultLogger(level);
}

/** A logger that writes lines to standard error, from `level` on, or from what HOLDFAST_LOG_LEVEL says. */
export function makeDefaultLogger(level?: LogLevel): ActorLogger {
  return actorLogger(createLogger(coreLevel(level), writeLine));
}

/** What HOLDFAST_LOG_LEVEL said when it was told to be no level: once is enough. */
let told: string | undefined;

function levelOfEnvironment(): LogLevel {
  const asked = process.env["HOLDFAST_LOG_LEVEL"] || "warn";
  const level = asked.toLowerCase();
  if (isLevel(level)) return level;
  if (asked !== told) {
    told = asked;
    const log = createLogger("warn", writeLine);
    log.warn("HOLDFAST_LOG_LEVEL is no level of the log: it is warn", {
      asked,
      levels: Object.keys(levels),
    });
  }
  return "warn";
}

function isLevel(level: string): level is LogLevel {
  return Object.hasOwn(levels, level);
}

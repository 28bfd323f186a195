import type { LogFields, Logger } from "@holdfast/core";
import { isRecord } from "./internal/definition/definition-checks.ts";

/**
 * `c.log`: a structured logger with bound fields. Accepts a message with fields or, as programs for Rivet do, fields
 * with the message second or under `msg`.
 */
export interface ActorLogger extends Logger {
  trace(message: string, ...details: readonly unknown[]): void;
  trace(fields: LogFields, message?: string): void;
  debug(message: string, ...details: readonly unknown[]): void;
  debug(fields: LogFields, message?: string): void;
  info(message: string, ...details: readonly unknown[]): void;
  info(fields: LogFields, message?: string): void;
  warn(message: string, ...details: readonly unknown[]): void;
  warn(fields: LogFields, message?: string): void;
  error(message: string, ...details: readonly unknown[]): void;
  error(fields: LogFields, message?: string): void;
  fatal(message: string, ...details: readonly unknown[]): void;
  fatal(fields: LogFields, message?: string): void;
  child(fields: LogFields): ActorLogger;
}

/** Adapts a logger that takes the message first to one that takes message and fields in either order. */
export function actorLogger(logger: Logger): ActorLogger {
  return new HostLogger(logger);
}

type Level = "debug" | "info" | "warn" | "error";

/** Passes `c.log` calls to the logger of the host. Its methods are bound: `const { info } = c.log`. */
class HostLogger implements ActorLogger {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  readonly trace = (first: unknown, ...rest: readonly unknown[]): void => this.#write("debug", first, rest);

  readonly debug = (first: unknown, ...rest: readonly unknown[]): void => this.#write("debug", first, rest);

  readonly info = (first: unknown, ...rest: readonly unknown[]): void => this.#write("info", first, rest);

  readonly warn = (first: unknown, ...rest: readonly unknown[]): void => this.#write("warn", first, rest);

  readonly error = (first: unknown, ...rest: readonly unknown[]): void => this.#write("error", first, rest);

  readonly fatal = (first: unknown, ...rest: readonly unknown[]): void => this.#write("error", first, rest);

  child(fields: LogFields): HostLogger {
    return new HostLogger(this.#logger.child(fields));
  }

  #write(level: Level, first: unknown, rest: readonly unknown[]): void {
    if (isRecord(first) && !(first instanceof Error)) {
      const { msg, ...fields } = first;
      const [message, ...details] = rest;
      return this.#log(level, message ?? msg ?? "", fields, details);
    }
    const [fields, ...details] = rest;
    if (isRecord(fields) && !(fields instanceof Error)) this.#log(level, first, fields, details);
    else this.#log(level, first, {}, rest);
  }

  #log(level: Level, message: unknown, fields: LogFields, details: readonly unknown[]): void {
    const fieldsWithStacks: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(fields)) fieldsWithStacks[name] = describe(value);
    if (details.length > 0) fieldsWithStacks["details"] = details.map(describe);
    if (message instanceof Error) fieldsWithStacks["error"] = describe(message);
    this.#logger[level](message instanceof Error ? message.message : String(message), fieldsWithStacks);
  }
}

/** The properties of an error are not enumerable, so its stack is logged. */
function describe(value: unknown): unknown {
  return value instanceof Error ? (value.stack ?? String(value)) : value;
}

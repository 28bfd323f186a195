import type { LogFields, Logger } from "@holdfast/core";
import type { ActorLogger } from "../logger.ts";
import { isRecord } from "./definition-checks.ts";

type Level = "debug" | "info" | "warn" | "error";

/** Writes what `c.log` is told to the logger of the host. Its methods work by themselves: `const { info } = c.log`. */
export class HostLogger implements ActorLogger {
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
      return this.#tell(level, message ?? msg ?? "", fields, details);
    }
    const [fields, ...details] = rest;
    if (isRecord(fields) && !(fields instanceof Error)) this.#tell(level, first, fields, details);
    else this.#tell(level, first, {}, rest);
  }

  #tell(level: Level, message: unknown, fields: LogFields, details: readonly unknown[]): void {
    const shown: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(fields)) shown[name] = describe(value);
    if (details.length > 0) shown["details"] = details.map(describe);
    if (message instanceof Error) shown["error"] = describe(message);
    this.#logger[level](message instanceof Error ? message.message : String(message), shown);
  }
}

/** The fields of an error cannot be listed: its stack says what it is. */
function describe(value: unknown): unknown {
  return value instanceof Error ? (value.stack ?? String(value)) : value;
}

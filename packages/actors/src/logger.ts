import type { LogFields, Logger } from "@holdfast/core";
import { HostLogger } from "./internal/actor-logger.ts";

/**
 * `c.log`: structured, with what it is about bound to it. A message with fields, or, as programs of
 * the peer have it, fields with the message second or under `msg`.
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

/** A logger that takes both, and writes to one that takes the message first. */
export function actorLogger(logger: Logger): ActorLogger {
  return new HostLogger(logger);
}

/**
 * Ports through which `actors` and `server` use time, randomness and timers. Production passes `systemPorts`; a
 * simulator passes its own and controls them all.
 */

/** Wall-clock time in integer milliseconds since the epoch. */
export interface Clock {
  now(): number;
}

/** Cryptographically strong bytes in production, a seeded stream in a simulator. */
export interface Random {
  bytes(length: number): Uint8Array;
}

/** A pending timer; `cancel` is idempotent. */
export interface Timer {
  cancel(): void;
}

/** Scheduling of work on the event loop. */
export interface Tasks {
  /** Runs `fn` once after at least `delayMs`; the timer does not keep the process alive. */
  after(delayMs: number, fn: () => void): Timer;
  /** Runs `fn` at the next macrotask, after all ready microtasks. */
  macrotask(fn: () => void): void;
  /**
   * Runs `fn` where a turn that was left open ends: at the next macrotask, or earlier where the platform makes durable
   * what was written between two macrotasks as one.
   */
  turnEnd?(fn: () => void): void;
}

/** Environment of an actor: everything that a simulator replaces. */
export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly tasks: Tasks;
  readonly log: Logger;
}

/** Fields of a log record beside its message. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Structured logger: a lower-case constant message, then fields. Never secrets, never payloads. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** Creates a logger that adds `fields` to each record. */
  child(fields: LogFields): Logger;
}

import type { Clock, LogFields, Logger, Ports, Random, Tasks, Timer } from "./ports.ts";

/** Real clock, randomness and event loop. No other code uses them directly. */
export const systemClock: Clock = { now: () => Date.now() };

/** Pool for small requests: a call of the system's generator costs more than an action call. */
const pool = new Uint8Array(4_096);
const maxPooledLength = 64;
let poolOffset = pool.length;

function randomBytes(length: number): Uint8Array {
  if (length > maxPooledLength) return crypto.getRandomValues(new Uint8Array(length));
  if (poolOffset + length > pool.length) {
    crypto.getRandomValues(pool);
    poolOffset = 0;
  }
  const bytes = pool.slice(poolOffset, poolOffset + length);
  // Erased, so that bytes in use cannot be read from the pool again.
  pool.fill(0, poolOffset, poolOffset + length);
  poolOffset += length;
  return bytes;
}

/** The system's cryptographic random generator. */
export const systemRandom: Random = { bytes: randomBytes };

/** Timer of the runtime. An instance takes less memory than a closure. */
class SystemTimer implements Timer {
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(timer: ReturnType<typeof setTimeout>) {
    this.#timer = timer;
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }
}

/** Captured at load, so that fake timers of a test stop the clock but not the turns. Browsers have none. */
const immediate = typeof setImmediate === "function" ? setImmediate : undefined;

/** Timers of the runtime. Those of `after` do not keep the process alive. */
export const systemTasks: Tasks = {
  after(delayMs, fn) {
    const timer = setTimeout(fn, delayMs);
    // Browsers return a number; only Node and Bun return a handle with `unref`.
    if (typeof timer === "object" && "unref" in timer) timer.unref();
    return new SystemTimer(timer);
  },
  macrotask(fn) {
    if (immediate !== undefined) immediate(fn);
    else setTimeout(fn, 0);
  },
};

/** Lowest level that is logged, least severe first. */
export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

const severityByLevel: Readonly<Record<LogLevel, number>> = {
  debug: 0,
  info: 1,
  warn: 2,
  error: 3,
  silent: 4,
};

/** Log record, as the writer receives it. `time` is milliseconds since the epoch. */
export interface LogRecord {
  readonly level: Exclude<LogLevel, "silent">;
  readonly message: string;
  readonly time: number;
  readonly fields: LogFields;
}

/** Creates a logger that passes each record at or above `level` to `write`. */
export function createLogger(
  level: LogLevel,
  write: (record: LogRecord) => void,
  clock: Clock = systemClock,
): Logger {
  const build = (boundFields: LogFields): Logger => {
    const at = (recordLevel: LogRecord["level"]) => (message: string, fields?: LogFields) => {
      if (severityByLevel[recordLevel] < severityByLevel[level]) return;
      write({
        level: recordLevel,
        message,
        time: clock.now(),
        fields: fields ? { ...boundFields, ...fields } : boundFields,
      });
    };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (fields) => build({ ...boundFields, ...fields }),
    };
  };
  return build({});
}

/** Logger that drops everything. */
export const silentLogger: Logger = createLogger("silent", () => {});

/** Ports of the running process, with the given logger. */
export function systemPorts(log: Logger = silentLogger): Ports {
  return { clock: systemClock, random: systemRandom, tasks: systemTasks, log };
}

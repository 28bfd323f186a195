import type { Clock, LogFields, Logger, Ports, Random, Tasks, Timer } from "./ports.ts";

/** The real clock, randomness and event loop. The only place where they are touched. */
export const systemClock: Clock = { now: () => Date.now() };

/** A trip to the system's randomness costs more than a call of an action: small amounts come from a supply. */
const supply = new Uint8Array(4_096);
const maxFromSupply = 64;
let used = supply.length;

function randomBytes(length: number): Uint8Array {
  if (length > maxFromSupply) return crypto.getRandomValues(new Uint8Array(length));
  if (used + length > supply.length) {
    crypto.getRandomValues(supply);
    used = 0;
  }
  const bytes = supply.slice(used, used + length);
  // What has been given out once is not there to be read again.
  supply.fill(0, used, used + length);
  used += length;
  return bytes;
}

/** The random bytes of this machine, fit for secrets. */
export const systemRandom: Random = { bytes: randomBytes };

/** A timer of the runtime; an object of its own kind takes less memory than a closure. */
class SystemTimer implements Timer {
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(timer: ReturnType<typeof setTimeout>) {
    this.#timer = timer;
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }
}

/** As it was at first: the fake timers of a test stop the time, and turns go on. Browsers have none. */
const immediate = typeof setImmediate === "function" ? setImmediate : undefined;

/** The timers of the runtime. What is to be done `after` a time does not keep the process alive. */
export const systemTasks: Tasks = {
  after(delayMs, fn) {
    const timer = setTimeout(fn, delayMs);
    // Browsers return a number; only Node and Bun have a handle to unref.
    if (typeof timer === "object" && "unref" in timer) timer.unref();
    return new SystemTimer(timer);
  },
  macrotask(fn) {
    if (immediate !== undefined) immediate(fn);
    else setTimeout(fn, 0);
  },
};

/** From which level on records are written, the least severe first. */
export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

const severity: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 };

/** A log record as the writer gets it. `time` is milliseconds since the epoch. */
export interface LogRecord {
  readonly level: Exclude<LogLevel, "silent">;
  readonly message: string;
  readonly time: number;
  readonly fields: LogFields;
}

/** A logger that hands each record at or above `level` to `write`. */
export function createLogger(
  level: LogLevel,
  write: (record: LogRecord) => void,
  clock: Clock = systemClock,
): Logger {
  const build = (bound: LogFields): Logger => {
    const at = (recordLevel: LogRecord["level"]) => (message: string, fields?: LogFields) => {
      if (severity[recordLevel] < severity[level]) return;
      write({
        level: recordLevel,
        message,
        time: clock.now(),
        fields: fields ? { ...bound, ...fields } : bound,
      });
    };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (fields) => build({ ...bound, ...fields }),
    };
  };
  return build({});
}

/** A logger that drops everything. */
export const silentLogger: Logger = createLogger("silent", () => {});

/** Ports of the running process, with a logger of the caller's choice. */
export function systemPorts(log: Logger = silentLogger): Ports {
  return { clock: systemClock, random: systemRandom, tasks: systemTasks, log };
}

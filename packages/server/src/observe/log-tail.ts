import type { Clock, LogFields, Logger } from "@holdfast/core";

export interface LogEntry {
  /** Sequence number among the records of one actor. */
  readonly seq: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: LogFields;
}

const maxRecords = 200;
const maxActors = 1_000;

/** The last records of each actor's log, independent of the level of the log itself. Bounded. */
export class LogTail {
  readonly #actors = new Map<string, { last: number; readonly records: LogEntry[] }>();
  readonly #listeners = new Map<string, Set<(entry: LogEntry) => void>>();

  /** A logger that writes to `log`, and keeps records that have the field `actorId`. */
  tee(log: Logger, clock: Clock): Logger {
    const build = (to: Logger, bound: LogFields): Logger => {
      const at = (level: LogEntry["level"]) => (message: string, fields?: LogFields) => {
        to[level](message, fields);
        const { actorId } = bound;
        const id = typeof actorId === "string" ? actorId : fields?.["actorId"];
        if (typeof id === "string") this.#add(id, clock.now(), level, message, fields ?? {});
      };
      return {
        debug: at("debug"),
        info: at("info"),
        warn: at("warn"),
        error: at("error"),
        child: (fields) => build(to.child(fields), { ...bound, ...fields }),
      };
    };
    return build(log, {});
  }

  /** Records after `after`, oldest first. */
  read(
    actorId: string,
    after: number,
    limit: number,
  ): { readonly records: readonly LogEntry[]; readonly last: number } {
    const kept = this.#actors.get(actorId);
    if (kept === undefined) return { records: [], last: 0 };
    return { records: kept.records.filter(({ seq }) => seq > after).slice(-limit), last: kept.last };
  }

  listen(actorId: string, listener: (entry: LogEntry) => void): () => void {
    const listeners = this.#listeners.get(actorId) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(actorId, listeners);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(actorId);
    };
  }

  #add(actorId: string, time: number, level: LogEntry["level"], message: string, fields: LogFields): void {
    let kept = this.#actors.get(actorId);
    if (kept === undefined) {
      // Evicts the actor that has logged least recently.
      const oldest = this.#actors.keys().next();
      if (this.#actors.size >= maxActors && oldest.done !== true) this.#actors.delete(oldest.value);
      kept = { last: 0, records: [] };
    } else this.#actors.delete(actorId);
    this.#actors.set(actorId, kept);
    kept.last++;
    const entry = { seq: kept.last, time, level, message, fields: shownFields(fields) };
    kept.records.push(entry);
    if (kept.records.length > maxRecords) kept.records.shift();
    for (const listener of this.#listeners.get(actorId) ?? []) listener(entry);
  }
}

/** Makes fields encodable: an error becomes its name and message, anything else that is not data its text. */
function shownFields(fields: LogFields): LogFields {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, shown(value)]));
}

function shown(value: unknown): unknown {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (value === null || ["string", "number", "boolean"].includes(typeof value)) return value;
  if (value === undefined) return null;
  try {
    return JSON.parse(JSON.stringify(value)) as unknown;
  } catch {
    return String(value);
  }
}

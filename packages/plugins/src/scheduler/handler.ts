import { join } from "node:path";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import type {
  ChannelServices,
  CoreServices,
  PluginContext,
  PluginHandler,
  ToolInvocationResult,
} from "@holdfast/gate/plugin";
import {
  afterRun,
  createdResult,
  listResult,
  nameOf,
  nameTaken,
  noSuchSchedule,
  parseSchedule,
  refused,
  retryDelayMs,
  type Schedule,
  scheduleLimits,
  tooManySchedules,
  triggerEvent,
} from "./schedule.ts";

/** Timers stay short, since the clock may be set. */
const longestSleepMs = 60_000;

const schema = `
CREATE TABLE IF NOT EXISTS schedules (
  id INTEGER PRIMARY KEY,
  grp TEXT NOT NULL,
  name TEXT NOT NULL,
  prompt TEXT NOT NULL,
  cron TEXT,
  every_minutes INTEGER,
  next_at INTEGER NOT NULL,
  last_at INTEGER,
  session_id TEXT NOT NULL,
  tainted INTEGER NOT NULL,
  UNIQUE (grp, name)
) STRICT;
PRAGMA user_version = 1;
`;

type Row = Record<string, SQLOutputValue>;

/**
 * Persistent schedules. A due one is published and then advanced, so that after a crash in between it is published
 * again with the same `run`.
 */
class SchedulerHandler implements PluginHandler {
  #db: DatabaseSync | undefined;
  #publish: ChannelServices["publishEvent"] | undefined;
  #timer: NodeJS.Timeout | undefined;
  #publishing: Promise<void> | undefined;
  /** Backoff of schedules whose event was refused, by id, so that the others are not delayed. */
  readonly #backoff = new Map<number, { readonly times: number; readonly until: number }>();

  async initialize(
    services: CoreServices & Partial<ChannelServices> & { readonly dataDirectory?: string },
  ): Promise<void> {
    if (services.dataDirectory === undefined) throw new Error("The scheduler plugin needs a data directory");
    this.#publish = services.publishEvent;
    // Set first: the previous process may still be closing the database.
    this.#db = new DatabaseSync(join(services.dataDirectory, "schedules.sqlite"), { timeout: 5_000 });
    this.#db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${schema}`);
    this.#scheduleNext();
  }

  async handleToolInvocation(
    tool: string,
    args: Record<string, unknown>,
    context: PluginContext,
  ): Promise<ToolInvocationResult> {
    switch (tool) {
      case "schedule_create":
        return { ok: true, result: this.#create(args, context) };
      case "schedule_list":
        return listResult(this.#rows(context.group).map(scheduleOf));
      case "schedule_delete": {
        const name = nameOf(args);
        const deleted = this.#database()
          .prepare("DELETE FROM schedules WHERE grp = ? AND name = ? RETURNING id")
          .get(context.group, name);
        if (deleted === undefined) throw noSuchSchedule();
        this.#backoff.delete(Number(deleted["id"]));
        return { ok: true, result: { deleted: name } };
      }
      default:
        throw refused(`Unknown tool: "${tool}"`);
    }
  }

  #database(): DatabaseSync {
    if (this.#db === undefined) throw new Error("The scheduler is not initialized");
    return this.#db;
  }

  #create(args: Record<string, unknown>, context: PluginContext): Record<string, unknown> {
    const schedule = parseSchedule(args, context, Date.now());
    const db = this.#database();
    const count = Number(
      db.prepare("SELECT count(*) AS n FROM schedules WHERE grp = ?").get(context.group)?.["n"],
    );
    if (count >= scheduleLimits.perGroup) throw tooManySchedules();
    const { name, prompt, cron, everyMinutes, nextAt, sessionId, tainted } = schedule;
    const { changes } = db
      .prepare(
        `INSERT INTO schedules (grp, name, prompt, cron, every_minutes, next_at, session_id, tainted)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      )
      .run(context.group, name, prompt, cron, everyMinutes, nextAt, sessionId, tainted ? 1 : 0);
    if (Number(changes) === 0) throw nameTaken();
    this.#scheduleNext();
    return createdResult(schedule);
  }

  #rows(group: string): Row[] {
    return this.#database().prepare("SELECT * FROM schedules WHERE grp = ? ORDER BY next_at").all(group);
  }

  /** Sleeps until the next schedule is due. Sleeps stay short, since the clock may be set. */
  #scheduleNext(atLeastMs = 0): void {
    clearTimeout(this.#timer);
    // A running publication calls this again when it ends.
    if (this.#publishing !== undefined) return;
    const rows = this.#database().prepare("SELECT id, next_at FROM schedules").all();
    if (rows.length === 0) return;
    const times = rows.map(({ id, next_at: due }) =>
      Math.max(Number(due), this.#backoff.get(Number(id))?.until ?? 0),
    );
    const next = times.reduce((least, each) => Math.min(least, each));
    const delay = Math.max(atLeastMs, Math.min(longestSleepMs, next - Date.now()));
    this.#timer = setTimeout(() => {
      this.#publishing = this.#publishAndReschedule();
    }, delay);
  }

  async #publishAndReschedule(): Promise<void> {
    let atLeastMs = 0;
    try {
      await this.#publishDue();
    } catch (error) {
      console.error("a schedule could not be published", error);
      atLeastMs = scheduleLimits.retryMs;
    }
    this.#publishing = undefined;
    this.#scheduleNext(atLeastMs);
  }

  async #publishDue(): Promise<void> {
    const db = this.#database();
    for (const { id = null } of db
      .prepare("SELECT id FROM schedules WHERE next_at <= ? ORDER BY next_at")
      .all(Date.now())) {
      const row = this.#dueSchedule(id);
      if (row === undefined || (this.#backoff.get(Number(id))?.until ?? 0) > Date.now()) continue;
      const schedule = scheduleOf(row);
      try {
        await this.#publish?.(triggerEvent(String(row["grp"]), schedule, String(id)));
      } catch (error) {
        if (this.#dueSchedule(id) !== undefined) this.#backOff(Number(id), error);
        continue;
      }
      this.#backoff.delete(Number(id));
      const now = Date.now();
      const next = afterRun(schedule, now);
      // The time guards against a new schedule that has reused the number.
      if (next !== undefined) {
        db.prepare("UPDATE schedules SET next_at = ?, last_at = ? WHERE id = ? AND next_at = ?").run(
          next.nextAt,
          now,
          id,
          schedule.nextAt,
        );
      } else {
        db.prepare("DELETE FROM schedules WHERE id = ? AND next_at = ?").run(id, schedule.nextAt);
      }
    }
  }

  /** Reads the schedule again: while others were published it may have been deleted and its number reused. */
  #dueSchedule(id: SQLOutputValue): Row | undefined {
    return this.#database()
      .prepare("SELECT * FROM schedules WHERE id = ? AND next_at <= ?")
      .get(id, Date.now());
  }

  /** Backs off for a group that accepts no events, without delaying other schedules. */
  #backOff(id: number, error: unknown): void {
    const times = this.#backoff.get(id)?.times ?? 0;
    this.#backoff.set(id, { times: times + 1, until: Date.now() + retryDelayMs(times) });
    console.error("a schedule could not be published; retrying", error);
  }

  async shutdown(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#publishing;
    clearTimeout(this.#timer);
    this.#db?.close();
  }
}

function scheduleOf(row: Row): Schedule {
  return {
    name: String(row["name"]),
    prompt: String(row["prompt"]),
    cron: row["cron"] === null ? null : String(row["cron"]),
    everyMinutes: row["every_minutes"] === null ? null : Number(row["every_minutes"]),
    nextAt: Number(row["next_at"]),
    lastAt: row["last_at"] === null ? null : Number(row["last_at"]),
    sessionId: String(row["session_id"]),
    tainted: row["tainted"] === 1,
  };
}

export default new SchedulerHandler();

import { join } from "node:path";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import type {
  ChannelServices,
  CoreServices,
  PluginContext,
  PluginHandler,
  ToolInvocationResult,
} from "@holdfast/gate/plugin";
import { ToolError } from "@holdfast/gate/plugin";
import { Cron } from "./cron.ts";

const limits = { perGroup: 100, longestSleepMs: 60_000, retryMs: 1_000, maxRetryMs: 5 * 60_000 } as const;

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

function refused(message: string, field?: string): ToolError {
  return new ToolError({ code: "HANDLER_ERROR", message, field });
}

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
      case "schedule_list": {
        const rows = this.#rows(context.group);
        return {
          ok: true,
          result: { schedules: rows.map(toListItem) },
          // Schedules of tainted sessions taint the session that reads them.
          ...(rows.some((row) => row["tainted"] === 1) ? { untrusted: true } : {}),
        };
      }
      case "schedule_delete": {
        const name = nameOf(args);
        const deleted = this.#database()
          .prepare("DELETE FROM schedules WHERE grp = ? AND name = ? RETURNING id")
          .get(context.group, name);
        if (deleted === undefined) throw refused("No such schedule", "name");
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
    const { cron, at, every_minutes: every } = parseTrigger(args);
    const name = nameOf(args);
    const prompt = String(args["prompt"]).trim();
    if (name === "" || prompt === "") throw refused("The name and the prompt must not be empty");
    const now = Date.now();
    const next = typeof at === "string" ? parseTime(at) : nextRun(now, cron, every);
    if (typeof at === "string" && next <= now) throw refused("The time is in the past", "at");
    if (!Number.isFinite(next))
      throw refused("The cron expression matches no day of the next five years", "cron");
    const db = this.#database();
    const count = Number(
      db.prepare("SELECT count(*) AS n FROM schedules WHERE grp = ?").get(context.group)?.["n"],
    );
    if (count >= limits.perGroup) throw refused(`A group can have at most ${limits.perGroup} schedules`);
    const { changes } = db
      .prepare(
        `INSERT INTO schedules (grp, name, prompt, cron, every_minutes, next_at, session_id, tainted)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      )
      .run(
        context.group,
        name,
        prompt,
        typeof cron === "string" ? cron : null,
        typeof every === "number" ? every : null,
        next,
        context.sessionId,
        context.tainted === true ? 1 : 0,
      );
    if (Number(changes) === 0) throw refused("A schedule of that name exists already", "name");
    this.#scheduleNext();
    return { name, next_at: new Date(next).toISOString() };
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
    const delay = Math.max(atLeastMs, Math.min(limits.longestSleepMs, next - Date.now()));
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
      atLeastMs = limits.retryMs;
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
      const { grp, name, prompt, cron, every_minutes: every, next_at: due = null } = row;
      try {
        await this.#publish?.({
          topic: "task.triggered",
          group: String(grp),
          payload: {
            prompt: String(prompt),
            schedule: String(name),
            due_at: new Date(Number(due)).toISOString(),
            // Same for a run that is published twice, so that receivers can dedupe.
            run: `${id}-${due}`,
            tainted: row["tainted"] === 1,
          },
        });
      } catch (error) {
        if (this.#dueSchedule(id) !== undefined) this.#backOff(Number(id), error);
        continue;
      }
      this.#backoff.delete(Number(id));
      const now = Date.now();
      const next = nextRun(now, cron ?? undefined, every ?? undefined);
      // The time guards against a new schedule that has reused the number.
      if (Number.isFinite(next)) {
        db.prepare("UPDATE schedules SET next_at = ?, last_at = ? WHERE id = ? AND next_at = ?").run(
          next,
          now,
          id,
          due,
        );
      } else {
        db.prepare("DELETE FROM schedules WHERE id = ? AND next_at = ?").run(id, due);
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
    const delay = Math.min(limits.retryMs * 2 ** times, limits.maxRetryMs);
    this.#backoff.set(id, { times: times + 1, until: Date.now() + delay });
    console.error("a schedule could not be published; retrying", error);
  }

  async shutdown(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#publishing;
    clearTimeout(this.#timer);
    this.#db?.close();
  }
}

function toListItem(row: Row) {
  return {
    name: row["name"],
    prompt: row["prompt"],
    cron: row["cron"],
    every_minutes: row["every_minutes"],
    next_at: new Date(Number(row["next_at"])).toISOString(),
    last_at: row["last_at"] === null ? null : new Date(Number(row["last_at"])).toISOString(),
  };
}

function nameOf(args: Record<string, unknown>): string {
  return String(args["name"]).trim();
}

/**
 * Selects the argument that sets the time. Models pass empty strings for arguments that they do not mean: those are
 * ignored beside a real one, and alone they get their own error.
 */
function parseTrigger({ cron, at, every_minutes }: Record<string, unknown>): Record<string, unknown> {
  const provided = Object.entries({ cron, at, every_minutes }).filter(([, value]) => value !== undefined);
  const nonEmpty = provided.filter(([, value]) => value !== "");
  const chosen = nonEmpty.length === 0 ? provided : nonEmpty;
  if (chosen.length !== 1) throw refused("Give exactly one of cron, at and every_minutes");
  return Object.fromEntries(chosen);
}

/** Parses an ISO 8601 time. Without a zone it is UTC, like cron expressions, and not the server's local time. */
function parseTime(at: string): number {
  const [, day, time, zone] =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:?\d{2})?)?$/i.exec(
      at.trim(),
    ) ?? [];
  if (day === undefined) throw refused("A time is written like 2027-01-05T09:00:00Z", "at");
  const moment = Date.parse(time === undefined ? day : `${day}T${time}${zone?.toUpperCase() ?? "Z"}`);
  // `Date` reads February 30 as a day of March.
  if (Number.isNaN(moment) || new Date(day).toISOString().slice(0, day.length) !== day)
    throw refused("This date or time does not exist", "at");
  return moment;
}

/** NaN when there is no next time. */
function nextRun(now: number, cron: unknown, every: unknown): number {
  if (typeof every === "number") return now + every * 60_000;
  if (typeof cron !== "string") return Number.NaN;
  try {
    return new Cron(cron).next(now) ?? Number.NaN;
  } catch (error) {
    throw refused(error instanceof Error ? error.message : "The cron expression is invalid", "cron");
  }
}

export default new SchedulerHandler();

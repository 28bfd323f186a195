import {
  type PluginContext,
  type PublishedEvent,
  ToolError,
  type ToolInvocationResult,
} from "@holdfast/gate/plugin";
import { Cron } from "./cron.ts";

export const scheduleLimits = { perGroup: 100, retryMs: 1_000, maxRetryMs: 5 * 60_000 } as const;

/** A prompt that begins a task of its group at given times. Times are milliseconds since the epoch. */
export interface Schedule {
  /** Unique in the group. */
  readonly name: string;
  readonly prompt: string;
  readonly cron: string | null;
  readonly everyMinutes: number | null;
  readonly nextAt: number;
  readonly lastAt: number | null;
  readonly sessionId: string;
  /** Untrusted content had entered the session that made it. */
  readonly tainted: boolean;
}

type Arguments = Readonly<Record<string, unknown>>;

export function refused(message: string, field?: string): ToolError {
  return new ToolError({ code: "HANDLER_ERROR", message, field });
}

/** The schedule that a call of `schedule_create` describes. Throws a `ToolError`. */
export function parseSchedule(
  args: Arguments,
  caller: Pick<PluginContext, "sessionId" | "tainted">,
  now: number,
): Schedule {
  const { cron, at, every_minutes: every } = parseTrigger(args);
  const name = nameOf(args);
  const prompt = String(args["prompt"]).trim();
  if (name === "" || prompt === "") throw refused("The name and the prompt must not be empty");
  const next = typeof at === "string" ? parseTime(at) : nextRun(now, cron, every);
  if (typeof at === "string" && next <= now) throw refused("The time is in the past", "at");
  if (!Number.isFinite(next))
    throw refused("The cron expression matches no day of the next five years", "cron");
  return {
    ...{ name, prompt, nextAt: next, lastAt: null },
    cron: typeof cron === "string" ? cron : null,
    everyMinutes: typeof every === "number" ? every : null,
    sessionId: caller.sessionId,
    tainted: caller.tainted === true,
  };
}

export function nameOf(args: Arguments): string {
  return String(args["name"]).trim();
}

export function tooManySchedules(): ToolError {
  return refused(`A group can have at most ${scheduleLimits.perGroup} schedules`);
}

export function nameTaken(): ToolError {
  return refused("A schedule of that name exists already", "name");
}

export function noSuchSchedule(): ToolError {
  return refused("No such schedule", "name");
}

/** The answer to `schedule_create`. */
export function createdResult({ name, nextAt }: Schedule): Record<string, unknown> {
  return { name, next_at: new Date(nextAt).toISOString() };
}

/** The answer to `schedule_list`. Schedules of tainted sessions taint the session that reads them. */
export function listResult(schedules: readonly Schedule[]): ToolInvocationResult {
  const time = (at: number) => new Date(at).toISOString();
  return {
    ok: true,
    result: {
      schedules: schedules.map(({ name, prompt, cron, everyMinutes, nextAt, lastAt }) => ({
        ...{ name, prompt, cron, every_minutes: everyMinutes },
        ...{ next_at: time(nextAt), last_at: lastAt === null ? null : time(lastAt) },
      })),
    },
    ...(schedules.some(({ tainted }) => tainted) ? { untrusted: true } : {}),
  };
}

/** The event of a due schedule. `id` identifies it in its group for ever, unlike its name. */
export function triggerEvent(
  group: string,
  { name, prompt, nextAt, tainted }: Schedule,
  id: string,
): PublishedEvent {
  return {
    topic: "task.triggered",
    group,
    payload: {
      prompt,
      schedule: name,
      due_at: new Date(nextAt).toISOString(),
      // Same for a run that is published twice, so that receivers can dedupe.
      run: `${id}-${nextAt}`,
      tainted,
    },
  };
}

/** The schedule after a run at `now`; undefined if that was its last one. */
export function afterRun(schedule: Schedule, now: number): Schedule | undefined {
  const { cron, everyMinutes } = schedule;
  const nextAt = nextRun(now, cron ?? undefined, everyMinutes ?? undefined);
  return Number.isFinite(nextAt) ? { ...schedule, nextAt, lastAt: now } : undefined;
}

/** Milliseconds before an event is published again that was refused this many times before. */
export function retryDelayMs(refusals: number): number {
  return Math.min(scheduleLimits.retryMs * 2 ** refusals, scheduleLimits.maxRetryMs);
}

/**
 * Selects the argument that sets the time. Models pass empty strings for arguments that they do not mean: those are
 * ignored beside a real one, and alone they get their own error.
 */
function parseTrigger({ cron, at, every_minutes }: Arguments): Record<string, unknown> {
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

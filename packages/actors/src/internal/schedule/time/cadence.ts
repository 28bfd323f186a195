/** Due times of schedules: cron expressions, time zones, catch-up. */
import { HoldfastError } from "@holdfast/core";
import { Cron } from "croner";
import { WallClock } from "./wall-clock.ts";

/** Determines when a recurring schedule is due. */
export type Cadence =
  | { readonly kind: "cron"; readonly expression: string; readonly timezone: string }
  | { readonly kind: "every"; readonly interval: number; readonly anchor: number };

/**
 * An expression with specific hours follows the local wall clock, so that a daylight-saving change neither skips nor
 * repeats a run. One with every hour, or every n-th hour, follows real time.
 */
interface Parsed {
  readonly cron: Cron;
  /** Set if the times of `cron` are wall-clock times of this zone; otherwise they are instants. */
  readonly clock: WallClock | undefined;
}

/** Cache: parsing is slower than evaluating, and the actors of one definition share their few expressions. */
const parsed = new Map<string, Parsed>();
const maxParsed = 256;

function parse(expression: string, timezone: string): Parsed {
  const id = `${timezone}\n${expression}`;
  const cached = parsed.get(id);
  if (cached !== undefined) return cached;
  const fields = expression.trim().split(/\s+/);
  const clock = /^[*?]/.test(fields.at(-4) ?? "") ? undefined : new WallClock(timezone);
  // Paused and without a callback, a `Cron` only computes times: it sets no timer and never reads the clock.
  const cron = new Cron(inFullRanges(fields), {
    timezone: clock === undefined ? timezone : "UTC",
    paused: true,
    mode: "5-or-6-parts",
  });
  if (parsed.size >= maxParsed) parsed.clear();
  parsed.set(id, { cron, clock });
  return { cron, clock };
}

/** First value and number of values of each field, from seconds to days of the week. */
const fieldRanges = [
  [0, 60],
  [0, 60],
  [0, 24],
  [1, 31],
  [1, 12],
  [0, 7],
] as const;

/**
 * As in other cron implementations, a step longer than its field selects the first value, a step after a single value
 * runs to the end of the field, and empty list items are ignored.
 */
function inFullRanges(fields: readonly string[]): string {
  const offset = fieldRanges.length - fields.length;
  return fields
    .map((field, at) => {
      const [start, size] = fieldRanges[at + offset] ?? [0, Number.POSITIVE_INFINITY];
      const parts = field.split(",").filter((part) => part !== "");
      return parts.length === 0 ? field : parts.map((part) => inFullRange(start, size, part)).join(",");
    })
    .join(" ");
}

function inFullRange(start: number, size: number, part: string): string {
  const [range = "", step = "", ...more] = part.split("/");
  if (more.length > 0 || !/^\d+$/.test(step)) return part;
  if (Number(step) > size) {
    const [from = ""] = range.split("-");
    return from === "*" || from === "?" ? String(start) : from;
  }
  if (!/^(\d+|[a-z]{3})$/i.test(range)) return part;
  // Sunday as 7 is beyond the last day of the week, so the range has no further values.
  const last = Math.max(start + size - 1, size === 7 && range === "7" ? 7 : 0);
  return `${range}-${last}/${step}`;
}

function parsedOf(cadence: Extract<Cadence, { kind: "cron" }>): Parsed {
  return parse(cadence.expression, cadence.timezone);
}

/** Throws `schedule.invalid_timezone` and `schedule.invalid_cron_expression`. */
export function cronCadence(expression: unknown, zone?: unknown): Cadence {
  const timezone = zone ?? "UTC";
  assertTimezone(timezone);
  const fields = typeof expression === "string" ? expression.trim().split(/\s+/) : [];
  if (typeof expression !== "string" || (fields.length !== 5 && fields.length !== 6)) {
    throw invalidExpression("expected exactly five fields, or six with seconds first");
  }
  try {
    parse(expression, timezone);
  } catch (error) {
    throw invalidExpression(error instanceof Error ? error.message : String(error));
  }
  return { kind: "cron", expression, timezone };
}

function assertTimezone(timezone: unknown): asserts timezone is string {
  try {
    if (typeof timezone !== "string" || !/^[A-Za-z]/.test(timezone))
      throw new RangeError("it is not an IANA time zone name");
    new Intl.DateTimeFormat("en", { timeZone: timezone });
  } catch {
    const message = `Schedule timezone '${String(timezone)}' is invalid.`;
    throw new HoldfastError("schedule", "invalid_timezone", message, {
      metadata: { timezone: String(timezone) },
    });
  }
}

export function invalidExpression(reason: string): HoldfastError {
  return new HoldfastError("schedule", "invalid_cron_expression", `Cron expression is invalid: ${reason}`, {
    metadata: { reason },
  });
}

/** The first due time strictly after `from`; undefined if there is none. */
export function nextAfter(cadence: Cadence, from: number): number | undefined {
  if (cadence.kind === "every") {
    const { anchor, interval } = cadence;
    return anchor + Math.max(0, Math.floor((from - anchor) / interval) + 1) * interval;
  }
  const { cron, clock } = parsedOf(cadence);
  const next = cron.nextRun(new Date(clock?.latestReadingAt(from) ?? from))?.getTime();
  return next === undefined || clock === undefined ? next : clock.firstInstantOf(next);
}

/** The latest `count` due times from `from` up to `until`, oldest first. */
export function latestUntil(cadence: Cadence, from: number, until: number, count: number): number[] {
  const times: number[] = [];
  let time = previousUntil(cadence, until);
  while (time !== undefined && time >= from && times.length < count) {
    times.push(time);
    time = previousUntil(cadence, time - 1);
  }
  return times.reverse();
}

function previousUntil(cadence: Cadence, until: number): number | undefined {
  if (cadence.kind === "every") {
    const { anchor, interval } = cadence;
    const time = anchor + Math.floor((until - anchor) / interval) * interval;
    return time < anchor ? undefined : time;
  }
  const { cron, clock } = parsedOf(cadence);
  // `previousRuns` excludes its reference time.
  const [previous] = cron.previousRuns(1, new Date((clock?.latestReadingAt(until) ?? until) + 1));
  return previous === undefined || clock === undefined
    ? previous?.getTime()
    : clock.firstInstantOf(previous.getTime());
}

export function sameCadence(a: Cadence, b: Cadence): boolean {
  if (a.kind === "cron") {
    return b.kind === "cron" && a.expression === b.expression && a.timezone === b.timezone;
  }
  return b.kind === "every" && a.interval === b.interval;
}

import { encodeValue, HoldfastError } from "@holdfast/core";
import { defaultRetry, scheduleLimits } from "../../limits.ts";
import type { CatchUp, CronOptions, EveryOptions, RetryPolicy } from "../../schedule.ts";
import type { RecurringRow, RetryRow } from "./rows.ts";
import { type Cadence, cronCadence } from "./time/cadence.ts";

/** A validated request, before its times are computed. */
export type RecurringSpec = Pick<
  RecurringRow,
  "name" | "action" | "args" | "maxHistory" | "startAt" | "endAt" | "jitterMs" | "catchUp" | "retry"
> & { readonly cadence: Cadence };

const utf8 = new TextEncoder();
const commonKeys = [
  "name",
  "action",
  "args",
  "maxHistory",
  "startAt",
  "endAt",
  "jitterMs",
  "catchUp",
  "retry",
] as const;
/** Fields that `c.cron.get` adds: its result can be modified and passed back. */
const readOnlyKeys = ["kind", "nextRunAt", "lastRunAt", "paused"] as const;
const cronKeys = new Set<string>([...commonKeys, ...readOnlyKeys, "expression", "timezone"]);
const everyKeys = new Set<string>([...commonKeys, ...readOnlyKeys, "interval"]);

export function parseCronOptions(options: CronOptions): RecurringSpec {
  assertKeys(options, cronKeys);
  const common = parseCommonOptions(options);
  return { ...common, cadence: cronCadence(options.expression, options.timezone) };
}

export function parseEveryOptions(options: EveryOptions, now: number): RecurringSpec {
  assertKeys(options, everyKeys);
  const common = parseCommonOptions(options);
  const interval = Math.trunc(typeof options.interval === "number" ? options.interval : Number.NaN);
  const { minIntervalMs } = scheduleLimits;
  if (!Number.isSafeInteger(interval) || interval < minIntervalMs) {
    throw error(
      "invalid_interval",
      `Schedule interval must be at least ${minIntervalMs} ms; received ${String(options.interval)} ms.`,
      { interval_ms: options.interval, minimum_ms: minIntervalMs },
    );
  }
  return { ...common, cadence: { kind: "every", interval, anchor: common.startAt ?? now + interval } };
}

function assertKeys(options: unknown, allowed: ReadonlySet<string>): void {
  if (typeof options !== "object" || options === null) throw invalidOptions("the options are not an object");
  for (const name of Object.keys(options)) {
    if (!allowed.has(name)) throw invalidOptions(`"${name}" is not an option`);
  }
}

function parseCommonOptions(options: CronOptions | EveryOptions): Omit<RecurringSpec, "cadence"> {
  const { startAt, endAt, jitterMs, catchUp, retry } = options;
  assertName(options.name);
  if (startAt !== undefined) assertTimestamp(startAt, "startAt");
  if (endAt !== undefined) assertTimestamp(endAt, "endAt");
  if (jitterMs !== undefined) assertInteger(jitterMs, 0, scheduleLimits.maxJitterMs, "jitterMs");
  if (catchUp !== undefined) assertCatchUp(catchUp);
  return {
    name: options.name,
    action: assertAction(options.action),
    args: encodeArguments(options.args ?? []),
    maxHistory: maxHistory(options.maxHistory),
    ...(startAt === undefined ? {} : { startAt }),
    ...(endAt === undefined ? {} : { endAt }),
    ...(jitterMs === undefined || jitterMs === 0 ? {} : { jitterMs }),
    ...(catchUp === undefined ? {} : { catchUp }),
    ...(retry === undefined ? {} : { retry: parseRetry(retry) }),
  };
}

export function assertName(name: unknown): asserts name is string {
  const bytes = typeof name === "string" ? utf8.encode(name).length : 0;
  if (bytes >= 1 && bytes <= scheduleLimits.maxNameBytes) return;
  const reason =
    bytes === 0 ? "must not be empty" : `must be at most ${scheduleLimits.maxNameBytes} UTF-8 bytes`;
  throw error("invalid_name", `Schedule name is invalid: ${reason}`, { reason });
}

export function assertAction(action: unknown): string {
  if (typeof action === "string" && action !== "") return action;
  throw new HoldfastError("schedule", "invalid_action", "A schedule needs the name of an action", {
    metadata: { action: typeof action },
  });
}

/** Throws `message.unsupported_value`, `schedule.arguments_too_long`. */
export function encodeArguments(args: readonly unknown[]): Uint8Array {
  if (!Array.isArray(args)) throw invalidOptions('"args" is not an array');
  const bytes = encodeValue(args);
  if (bytes.length <= scheduleLimits.maxArgumentBytes) return bytes;
  throw error(
    "arguments_too_long",
    "The arguments of a schedule are too long; store them and pass their key",
    {
      bytes: bytes.length,
      maxBytes: scheduleLimits.maxArgumentBytes,
    },
  );
}

function maxHistory(value: unknown): number {
  if (value === undefined || value === null) return scheduleLimits.defaultMaxHistory;
  if (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= scheduleLimits.maxHistory) {
    return Number(value);
  }
  throw invalidMaxHistory(value);
}

function invalidMaxHistory(value: unknown): HoldfastError {
  const { maxHistory: maximum } = scheduleLimits;
  const message = `Schedule maxHistory must be between 0 and ${maximum}; received ${String(value)}.`;
  return error("invalid_max_history", message, { max_history: value, maximum });
}

export function assertTimestamp(value: unknown, what: string): asserts value is number {
  if (typeof value === "number" && Math.abs(value) <= scheduleLimits.maxTimestamp) return;
  throw error("invalid_time", `"${what}" is not a time in milliseconds`, { [what]: String(value) });
}

/** Validates the number of history rows to read. */
export function parseHistoryLimit(value: unknown): number {
  if (value === undefined || value === null) return 20;
  if (Number.isInteger(value) && Number(value) >= 1)
    return Math.min(Number(value), scheduleLimits.maxHistory);
  throw invalidMaxHistory(value);
}

function assertInteger(value: unknown, min: number, max: number, what: string): asserts value is number {
  if (Number.isInteger(value) && Number(value) >= min && Number(value) <= max) return;
  throw invalidOptions(`"${what}" is not a whole number from ${min} to ${max}`);
}

function assertCatchUp(value: CatchUp): void {
  if (value !== "skip" && value !== "once") assertInteger(value, 1, scheduleLimits.maxCatchUp, "catchUp");
}

function parseRetry(retry: RetryPolicy): RetryRow {
  if (typeof retry !== "object" || retry === null) throw invalidOptions('"retry" is not an object');
  const row = { ...defaultRetry, ...retry };
  assertInteger(row.maxAttempts, 1, scheduleLimits.maxAttempts, "retry.maxAttempts");
  assertInteger(row.minMs, 0, scheduleLimits.maxBackoffMs, "retry.minMs");
  assertInteger(row.maxMs, row.minMs, scheduleLimits.maxBackoffMs, "retry.maxMs");
  return { maxAttempts: row.maxAttempts, minMs: row.minMs, maxMs: row.maxMs };
}

export function invalidOptions(why: string): HoldfastError {
  return error("invalid_options", `The options of a schedule are invalid: ${why}`, undefined);
}

function error(code: string, message: string, metadata: unknown): HoldfastError {
  return new HoldfastError("schedule", code, message, metadata === undefined ? {} : { metadata });
}

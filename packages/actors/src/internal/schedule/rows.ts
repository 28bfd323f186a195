/** One-shot and recurring schedules: rows, runs, outcomes, dead letters. */
import { decodeValue, encodeValue, HoldfastError } from "@holdfast/core";
import type { CatchUp, FireError } from "../../schedule.ts";
import { recordPrefix } from "../lifecycle/part.ts";
import { maxStoredDepth } from "../util/stored-depth.ts";
import type { Cadence } from "./time/cadence.ts";

/** Rows are immutable: a change replaces the row. */
interface CommonRow {
  readonly id: string;
  readonly action: string;
  /** `encodeValue` of the arguments: later changes by the caller do not affect them. */
  readonly args: Uint8Array;
  /** Time of the next run: the due time plus jitter, or the time of the next attempt. */
  readonly dueAt: number;
  /** Number of started attempts at the current due time. */
  readonly attempts: number;
  /** Start of the current attempt, or of one that a crash interrupted. */
  readonly startedAt?: number;
}

export interface OneShotRow extends CommonRow {
  readonly kind: "at";
  readonly scheduledAt: number;
}

export interface RetryRow {
  readonly maxAttempts: number;
  readonly minMs: number;
  readonly maxMs: number;
}

/** A range of sequence numbers: `from` is the first existing one, `to` the next free one. */
export interface Sequence {
  readonly from: number;
  readonly to: number;
}

export interface RecurringRow extends CommonRow {
  readonly kind: "recurring";
  readonly name: string;
  readonly cadence: Cadence;
  /** The next due time, or that of the current run. */
  readonly scheduledAt: number;
  readonly lastRunAt?: number;
  readonly maxHistory: number;
  readonly paused?: true;
  readonly startAt?: number;
  readonly endAt?: number;
  readonly jitterMs?: number;
  readonly catchUp?: CatchUp;
  readonly retry?: RetryRow;
  readonly history: Sequence;
  /** The history row of the attempt in `startedAt`. */
  readonly runningEntry?: number;
  /** Due times recorded as skipped during an earlier run. */
  readonly skipped?: { readonly from: number; readonly to: number };
  /** The catch-up policy has selected missed times up to here. */
  readonly catchUpTo?: number;
}

export type Row = OneShotRow | RecurringRow;

export interface HistoryRow {
  readonly action: string;
  readonly scheduledAt: number;
  readonly firedAt: number;
  readonly finishedAt?: number;
  readonly result: "running" | "ok" | "error" | "skipped";
  readonly error?: FireError;
}

export interface DeadRow {
  readonly id: string;
  readonly action: string;
  readonly args: Uint8Array;
  readonly scheduledAt: number;
  readonly failedAt: number;
  readonly attempts: number;
  readonly error: FireError;
}

/**
 * Records, format 1: a format byte, then the CBOR of the row. Golden files pin the format. Keys, after the byte of the
 * part: a byte for the kind, then the id or name; numbers are 8 bytes, big-endian.
 */
const format = 1;
const kindOf = { oneShot: 0x00, recurring: 0x01, dead: 0x02 } as const;
const coldKind = { history: 0x00, dead: 0x01 } as const;
const utf8 = new TextEncoder();

export function rowKey(row: Row): Uint8Array {
  return row.kind === "at"
    ? key(recordPrefix.schedule, kindOf.oneShot, utf8.encode(row.id))
    : key(recordPrefix.schedule, kindOf.recurring, utf8.encode(row.name));
}

/** Key of the hot record with the sequence range of the dead letters. */
export const deadSequenceKey = new Uint8Array([recordPrefix.schedule, kindOf.dead]);

export function isDeadSequence(recordKey: Uint8Array): boolean {
  return recordKey[1] === kindOf.dead;
}

/** The key range of one schedule's history. */
export function historyKeys(
  name: string,
  from: number,
  to: number,
): { readonly start: Uint8Array; readonly end: Uint8Array } {
  return { start: historyKey(name, from), end: historyKey(name, to) };
}

/** The length precedes the name, so that no key is a prefix of another. */
export function historyKey(name: string, sequence: number): Uint8Array {
  const bytes = utf8.encode(name);
  const rest = new Uint8Array(bytes.length + 9);
  rest[0] = bytes.length;
  rest.set(bytes, 1);
  writeSequence(rest, bytes.length + 1, sequence);
  return key(recordPrefix.scheduleHistory, coldKind.history, rest);
}

export function deadKey(sequence: number): Uint8Array {
  const rest = new Uint8Array(8);
  writeSequence(rest, 0, sequence);
  return key(recordPrefix.scheduleHistory, coldKind.dead, rest);
}

function writeSequence(bytes: Uint8Array, at: number, sequence: number): void {
  new DataView(bytes.buffer).setBigUint64(at, BigInt(sequence));
}

function key(prefix: number, kind: number, rest: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(rest.length + 2);
  bytes[0] = prefix;
  bytes[1] = kind;
  bytes.set(rest, 2);
  return bytes;
}

export function encodeRecord(row: Row | HistoryRow | DeadRow | Sequence): Uint8Array {
  const body = encodeValue(row);
  const bytes = new Uint8Array(body.length + 1);
  bytes[0] = format;
  bytes.set(body, 1);
  return bytes;
}

/** Throws `schedule.invalid_schedule_row`, as do the other decoders. */
export function decodeRow(bytes: Uint8Array): Row {
  const row = fields(bytes);
  const common =
    typeof row.id === "string" &&
    typeof row.action === "string" &&
    row.args instanceof Uint8Array &&
    isNumber(row.dueAt) &&
    isNumber(row.scheduledAt) &&
    isNumber(row.attempts);
  if (common && row.kind === "at") return row as unknown as OneShotRow;
  if (
    common &&
    row.kind === "recurring" &&
    typeof row.name === "string" &&
    isNumber(row.maxHistory) &&
    isSequence(row.history) &&
    isCadence(row.cadence)
  ) {
    return row as unknown as RecurringRow;
  }
  throw invalidRow("it does not have the fields of a schedule");
}

export function decodeHistory(bytes: Uint8Array): HistoryRow {
  const row = fields(bytes);
  if (typeof row.action !== "string" || !isNumber(row.scheduledAt) || !isNumber(row.firedAt)) {
    throw invalidRow("it does not have the fields of a history row");
  }
  return row as unknown as HistoryRow;
}

export function decodeDead(bytes: Uint8Array): DeadRow {
  const row = fields(bytes);
  if (typeof row.id !== "string" || typeof row.action !== "string" || !(row.args instanceof Uint8Array)) {
    throw invalidRow("it does not have the fields of a dead letter");
  }
  return row as unknown as DeadRow;
}

export function decodeSequence(bytes: Uint8Array): Sequence {
  const row: unknown = fields(bytes);
  if (!isSequence(row)) throw invalidRow("it is not a sequence");
  return row;
}

export function decodeArguments(bytes: Uint8Array): unknown[] {
  const args = decodeValue(bytes, { maxDepth: maxStoredDepth });
  if (!Array.isArray(args)) throw invalidRow("its arguments are not an array");
  return args;
}

function fields(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  if (bytes[0] !== format) throw invalidRow(`it has format ${bytes[0] ?? "none"}`);
  let row: unknown;
  try {
    row = decodeValue(bytes.slice(1), { maxDepth: maxStoredDepth });
  } catch (error) {
    throw invalidRow("it cannot be decoded", error);
  }
  if (typeof row !== "object" || row === null) throw invalidRow("it is not an object");
  return row as Readonly<Record<string, unknown>>;
}

function isCadence(value: unknown): value is Cadence {
  const cadence = value as Partial<Record<string, unknown>> | null | undefined;
  if (cadence?.kind === "every") return isNumber(cadence.interval) && isNumber(cadence.anchor);
  return (
    cadence?.kind === "cron" && typeof cadence.expression === "string" && typeof cadence.timezone === "string"
  );
}

function isSequence(value: unknown): value is Sequence {
  const sequence = value as Partial<Record<string, unknown>> | null | undefined;
  return isNumber(sequence?.from) && isNumber(sequence?.to);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function invalidRow(why: string, cause?: unknown): HoldfastError {
  return new HoldfastError("schedule", "invalid_schedule_row", `A stored schedule cannot be read: ${why}`, {
    statusCode: 500,
    ...(cause === undefined ? {} : { cause }),
  });
}

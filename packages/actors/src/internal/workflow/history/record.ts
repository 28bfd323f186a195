import { decodeValue, encodeValue, HoldfastError, isHoldfastError, messageOf } from "@holdfast/core";
import { StepTimeoutError, type WorkflowError } from "../../../workflow/errors.ts";
import { maxStoredDepth } from "../../util/stored-depth.ts";
import { workflowLimits } from "../limits.ts";

/** The kind of operation that an entry records. */
export type EntryKind =
  | "step"
  | "loop"
  | "sleep"
  | "message"
  | "rollback_checkpoint"
  | "join"
  | "race"
  | "removed"
  | "version_check"
  | "try"
  | "value"
  | "signal"
  | "child";

/** State of an entry; `exhausted` has no attempts left. */
export type EntryStatus = "pending" | "running" | "completed" | "failed" | "exhausted";

/** State of a workflow. */
export type WorkflowState =
  | "pending"
  | "running"
  | "sleeping"
  | "failed"
  | "completed"
  | "cancelled"
  | "rolling_back";

/** The fields of a history entry; all of them are in its record. */
export interface EntryFields {
  /** Numbers the entries of a run in order of creation. */
  readonly ordinal: number;
  readonly kind: EntryKind;
  status: EntryStatus;
  attempts: number;
  readonly createdAt: number;
  lastAttemptAt: number | undefined;
  completedAt: number | undefined;
  /** Numbers completions, so that rollbacks can run in reverse order. */
  completion: number | undefined;
  error: WorkflowError | undefined;
  rollbackCompletedAt: number | undefined;
  rollbackError: string | undefined;
  /** Data of this kind of entry. */
  data: Readonly<Record<string, unknown>>;
}

/** The state of a workflow that is known without its history. */
export interface Header {
  readonly state: WorkflowState;
  /** Counts the runs of the workflow: the first one, and those after `continueAsNew` or a replay. */
  readonly run: number;
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
  readonly error: WorkflowError | undefined;
  /** True if the failure was one of the code itself: a corrected program continues. */
  readonly resumable: boolean;
  readonly cancelReason: string | undefined;
  /** The parent that still has to be notified of the end. */
  readonly parent: ParentAddress | undefined;
}

/** The header of a workflow that has not started. */
export const freshHeader: Header = {
  state: "pending",
  run: 0,
  startedAt: undefined,
  endedAt: undefined,
  error: undefined,
  resumable: false,
  cancelReason: undefined,
  parent: undefined,
};

export const terminalStates: ReadonlySet<WorkflowState> = new Set<WorkflowState>([
  "completed",
  "failed",
  "cancelled",
]);

/** The parent that waits for a child, and the secret that authenticates the child's result. */
export interface ParentAddress {
  readonly name: string;
  readonly key: readonly string[];
  readonly token: string;
  /** The id of the child: a fork of it has this record too, and must not notify the parent. */
  readonly child: string;
}

const format = 1;

function encodeRecord(fields: readonly unknown[]): Uint8Array {
  const body = encodeValue(fields);
  const record = new Uint8Array(body.length + 1);
  record[0] = format;
  record.set(body, 1);
  return record;
}

function decodeRecord(bytes: Uint8Array): readonly unknown[] {
  if (bytes[0] !== format) throw unreadable();
  let fields: unknown;
  try {
    fields = decodeValue(bytes.subarray(1), { maxDepth: maxStoredDepth });
  } catch (error) {
    throw unreadable(error);
  }
  if (!Array.isArray(fields)) throw unreadable();
  return fields;
}

function unreadable(cause?: unknown): HoldfastError {
  const message = "A record of a workflow has a format that this version cannot read";
  return new HoldfastError("store", "unknown_format", message, cause === undefined ? {} : { cause });
}

export function encodeEntry(entry: EntryFields): Uint8Array {
  return encodeRecord([
    entry.ordinal,
    entry.kind,
    entry.status,
    entry.attempts,
    entry.createdAt,
    entry.lastAttemptAt,
    entry.completedAt,
    entry.completion,
    entry.error,
    entry.rollbackCompletedAt,
    entry.rollbackError,
    entry.data,
  ]);
}

export function decodeEntry(bytes: Uint8Array): EntryFields {
  const fields = decodeRecord(bytes);
  const [ordinal, kind, status, attempts, createdAt, , , , , , , data] = fields;
  if (typeof ordinal !== "number" || typeof attempts !== "number" || typeof createdAt !== "number") {
    throw unreadable();
  }
  if (typeof data !== "object" || data === null) throw unreadable();
  return {
    ordinal,
    kind: kind as EntryKind,
    status: status as EntryStatus,
    attempts,
    createdAt,
    lastAttemptAt: fields[5] as number | undefined,
    completedAt: fields[6] as number | undefined,
    completion: fields[7] as number | undefined,
    error: fields[8] as WorkflowError | undefined,
    rollbackCompletedAt: fields[9] as number | undefined,
    rollbackError: fields[10] as string | undefined,
    data: data as Readonly<Record<string, unknown>>,
  };
}

export function encodeHeader(header: Header): Uint8Array {
  const { parent } = header;
  return encodeRecord([
    header.state,
    header.run,
    header.startedAt,
    header.endedAt,
    header.error,
    header.resumable,
    header.cancelReason,
    parent && [parent.name, parent.key, parent.token, parent.child],
  ]);
}

export function decodeHeader(bytes: Uint8Array): Header {
  const fields = decodeRecord(bytes);
  const [state, run] = fields;
  if (typeof state !== "string" || typeof run !== "number") throw unreadable();
  const parent = fields[7] as readonly [string, readonly string[], string, string] | undefined;
  return {
    state: state as WorkflowState,
    run,
    startedAt: fields[2] as number | undefined,
    endedAt: fields[3] as number | undefined,
    error: fields[4] as WorkflowError | undefined,
    resumable: fields[5] === true,
    cancelReason: fields[6] as string | undefined,
    parent: parent && { name: parent[0], key: parent[1], token: parent[2], child: parent[3] },
  };
}

/** A single value with its format byte. */
export function encodeBox(value: unknown): Uint8Array {
  return encodeRecord([value]);
}

/** The encoded input or output of a workflow. Throws `workflow.value_too_large`, `message.unsupported_value`. */
export function encodeValueOf(what: "input" | "output", value: unknown): Uint8Array {
  const record = encodeBox(value);
  if (record.length <= workflowLimits.maxValueBytes) return record;
  const message = `The ${what} of a workflow has at most ${workflowLimits.maxValueBytes} bytes`;
  throw new HoldfastError("workflow", "value_too_large", message, { statusCode: 413 });
}

export function decodeBox(bytes: Uint8Array): unknown {
  return decodeRecord(bytes)[0];
}

/** The recorded form of a thrown value, with its own plain properties. Stacks are not recorded: they are logged. */
export function describeError(thrown: unknown): WorkflowError {
  try {
    return describe(thrown);
  } catch {
    // A getter of the thrown object has thrown.
    return { name: "Error", message: messageOf(thrown) };
  }
}

function describe(thrown: unknown): WorkflowError {
  if (!(thrown instanceof Error)) return { name: "Error", message: messageOf(thrown) };
  const name = String(thrown.name);
  const message = String(thrown.message);
  if (isHoldfastError(thrown)) {
    const metadata = thrown.metadata === undefined ? {} : { metadata: encodable(thrown.metadata) };
    // A step that timed out is recorded with its name and timeout.
    const timedOut = thrown instanceof StepTimeoutError && {
      stepName: thrown.stepName,
      timeoutMs: thrown.timeoutMs,
    };
    return { name, message, metadata: { group: thrown.group, code: thrown.code, ...timedOut, ...metadata } };
  }
  const ownProperties = Object.entries(thrown).filter(
    ([key, value]) => !described.has(key) && isPlain(value),
  );
  return ownProperties.length === 0
    ? { name, message }
    : { name, message, metadata: Object.fromEntries(ownProperties) };
}

/** As `String(error)` formats an error. */
export function showError(error: WorkflowError | undefined): string {
  return error === undefined ? "unknown error" : `${error.name}: ${error.message}`;
}

const described = new Set(["name", "message", "stack"]);

function isPlain(value: unknown): boolean {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}

function encodable(value: unknown): unknown {
  try {
    encodeValue(value, { maxDepth: workflowLimits.maxValueDepth });
    return value;
  } catch {
    return String(value);
  }
}

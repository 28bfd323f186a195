/** The history of a workflow as inspectors of `rivetkit` read it: BARE, with values of users in CBOR. */
import * as bare from "@rivetkit/bare-ts";
import { type Fields, writeList, writeOptional, writeText, writeValue } from "./bare-writers.ts";

const kinds = [
  ...["WorkflowStepEntry", "WorkflowLoopEntry", "WorkflowSleepEntry", "WorkflowMessageEntry"],
  ...["WorkflowRollbackCheckpointEntry", "WorkflowJoinEntry", "WorkflowRaceEntry"],
  ...["WorkflowRemovedEntry", "WorkflowVersionCheckEntry"],
];
const entryStates = ["pending", "running", "completed", "failed", "exhausted"];
const sleepStates = ["pending", "completed", "interrupted"];
const branchStates = ["pending", "running", "completed", "failed", "cancelled"];

const config = bare.Config({ maxBufferLength: 0x1000_0000 });

/** The history of our own inspector. What these clients have no kind for is shown as a step with that output. */
export function encodeHistory(history: unknown): Uint8Array {
  const { nameRegistry, entries, entryMetadata } = (history ?? {}) as {
    readonly nameRegistry?: readonly string[];
    readonly entries?: readonly Fields[];
    readonly entryMetadata?: Readonly<Record<string, Fields>>;
  };
  const cursor = new bare.ByteCursor(new Uint8Array(256), config);
  writeList(cursor, nameRegistry ?? [], bare.writeString);
  writeList(cursor, entries ?? [], writeEntry);
  writeList(cursor, Object.entries(entryMetadata ?? {}), (each, [id, metadata]) => {
    bare.writeString(each, id);
    writeMetadata(each, metadata);
  });
  return cursor.bytes.subarray(0, cursor.offset);
}

function writeEntry(cursor: bare.ByteCursor, entry: Fields): void {
  writeText(cursor, entry["id"]);
  writeList(cursor, entry["location"] as readonly Fields[], (each, { tag, val }) => {
    const isName = tag === "WorkflowNameIndex";
    bare.writeU8(each, isName ? 0 : 1);
    if (isName) return writeU32(each, val);
    const { loop, iteration } = val as Fields;
    writeU32(each, loop);
    writeU32(each, iteration);
  });
  const { tag, val } = entry["kind"] as { readonly tag: string; readonly val: Fields };
  const kind = kinds.indexOf(tag);
  bare.writeU8(cursor, Math.max(kind, 0));
  writeContent(cursor, kind, val);
}

function writeContent(cursor: bare.ByteCursor, kind: number, content: Fields): void {
  const text = (name: string): void => writeText(cursor, content[name]);
  const optional = (name: string): void => writeOptional(cursor, content[name], writeText);
  switch (kinds[kind]) {
    case "WorkflowStepEntry":
      writeOptional(cursor, content["output"], writeValue);
      return optional("error");
    case "WorkflowLoopEntry":
      writeValue(cursor, content["state"]);
      writeU32(cursor, content["iteration"]);
      return writeOptional(cursor, content["output"], writeValue);
    case "WorkflowSleepEntry":
      writeTime(cursor, content["deadline"]);
      return writeState(cursor, sleepStates, content["state"]);
    case "WorkflowMessageEntry":
      text("name");
      return writeValue(cursor, content["messageData"]);
    case "WorkflowRollbackCheckpointEntry":
      return text("name");
    case "WorkflowJoinEntry":
      return writeBranches(cursor, content["branches"]);
    case "WorkflowRaceEntry":
      optional("winner");
      return writeBranches(cursor, content["branches"]);
    case "WorkflowRemovedEntry":
      text("originalType");
      return optional("originalName");
    case "WorkflowVersionCheckEntry":
      writeU32(cursor, content["resolved"]);
      return writeU32(cursor, content["latest"]);
    default:
      writeOptional(cursor, content, writeValue);
      return writeOptional(cursor, undefined, writeText);
  }
}

function writeBranches(cursor: bare.ByteCursor, branches: unknown): void {
  const all = Object.entries((branches ?? {}) as Readonly<Record<string, Fields>>);
  writeList(cursor, all, (each, [name, branch]) => {
    bare.writeString(each, name);
    writeState(each, branchStates, branch["status"]);
    writeOptional(each, branch["output"], writeValue);
    writeOptional(each, branch["error"], writeError);
  });
}

function writeMetadata(cursor: bare.ByteCursor, metadata: Fields): void {
  writeState(cursor, entryStates, metadata["status"]);
  writeOptional(cursor, metadata["error"], writeText);
  writeU32(cursor, metadata["attempts"]);
  writeTime(cursor, metadata["lastAttemptAt"]);
  writeTime(cursor, metadata["createdAt"]);
  writeOptional(cursor, metadata["completedAt"], writeTime);
  writeOptional(cursor, metadata["rollbackCompletedAt"], writeTime);
  writeOptional(cursor, metadata["rollbackError"], writeText);
}

/** A state that these clients do not know is shown as pending. */
function writeState(cursor: bare.ByteCursor, states: readonly string[], state: unknown): void {
  const index = states.indexOf(String(state).toLowerCase());
  bare.writeU8(cursor, index === -1 ? 0 : index);
}

function writeError(cursor: bare.ByteCursor, error: unknown): void {
  const isObject = typeof error === "object" && error !== null && "message" in error;
  writeText(cursor, isObject ? error.message : error);
}

function writeU32(cursor: bare.ByteCursor, value: unknown): void {
  bare.writeU32(cursor, Number(value ?? 0));
}

function writeTime(cursor: bare.ByteCursor, value: unknown): void {
  bare.writeU64(cursor, BigInt(Math.max(0, Math.round(Number(value ?? 0)))));
}

/** Frames of the inspector of `rivetkit`, in BARE after their version. Values of users are CBOR inside. */
import { HoldfastError } from "@holdfast/core";
import * as bare from "@rivetkit/bare-ts";
import { type Fields, writeList, writeOptional, writeText, writeValue } from "./bare-writers.ts";
import { decodeCbor } from "./values.ts";
import { encodeHistory } from "./workflow-history.ts";

/** The version that is read and written: since `rivetkit` 2.3. */
export const inspectorVersion = 6;
const versionBytes = 2;
const config = bare.Config({ maxBufferLength: 0x1000_0000 });

/** What a client asks. `id` is repeated in the answer; changing the state has none. */
export type InspectorRequest =
  | { readonly tag: "patchState"; readonly state: unknown }
  | { readonly tag: "action"; readonly id: bigint; readonly name: string; readonly args: unknown }
  | { readonly tag: "traces" | "queue"; readonly id: bigint; readonly limit: number }
  | { readonly tag: "replay"; readonly id: bigint; readonly entryId: string | undefined }
  | {
      readonly tag: "rows";
      readonly id: bigint;
      readonly table: string;
      readonly limit: number;
      readonly offset: number;
    }
  | {
      readonly tag: "scheduleHistory";
      readonly id: bigint;
      readonly schedule: string;
      readonly limit: number;
    }
  | { readonly tag: "deleteSchedule"; readonly id: bigint; readonly schedule: string }
  | {
      readonly tag: "state" | "connections" | "rpcs" | "workflow" | "schema" | "schedules";
      readonly id: bigint;
    };

/** A request that has an answer. */
export type AnsweredRequest = Exclude<InspectorRequest, { readonly tag: "patchState" }>;

export type InspectorMessage =
  | { readonly tag: "init"; readonly summary: Fields }
  | { readonly tag: "error"; readonly message: string }
  | { readonly tag: "pushed"; readonly topic: PushedTopic; readonly frame: Fields }
  | {
      readonly tag: "answer";
      readonly request: AnsweredRequest;
      readonly body: Fields;
    };

export type PushedTopic = "connections" | "queue" | "state" | "workflow" | "schedules";

/** Throws `message.malformed_bare`, `message.unsupported_version`, and errors of the values. */
export function decodeInspectorRequest(bytes: Uint8Array): InspectorRequest {
  const version = bytes.length < versionBytes ? 0 : (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8);
  if (version !== inspectorVersion) {
    const message = `Version ${version} of the inspector is not served, only version ${inspectorVersion}`;
    throw new HoldfastError("message", "unsupported_version", message, { metadata: { version } });
  }
  try {
    return readRequest(new bare.ByteCursor(bytes.subarray(versionBytes), config));
  } catch (error) {
    throw error instanceof bare.BareError ? malformed(error.message) : error;
  }
}

function readRequest(cursor: bare.ByteCursor): InspectorRequest {
  const kind = bare.readU8(cursor);
  if (kind === 0) return { tag: "patchState", state: decodeCbor(bare.readU8Array(cursor)) };
  const id = bare.readUint(cursor);
  const number = (): number => Number(bare.readUint(cursor));
  switch (kind) {
    case 1:
      return { tag: "state", id };
    case 2:
      return { tag: "connections", id };
    case 3:
      return { tag: "action", id, name: bare.readString(cursor), args: decodeCbor(bare.readU8Array(cursor)) };
    case 4:
      return { tag: "rpcs", id };
    case 5:
      number();
      number();
      return { tag: "traces", id, limit: number() };
    case 6:
      return { tag: "queue", id, limit: number() };
    case 7:
      return { tag: "workflow", id };
    case 8:
      return { tag: "replay", id, entryId: bare.readBool(cursor) ? bare.readString(cursor) : undefined };
    case 9:
      return { tag: "schema", id };
    case 10:
      return { tag: "rows", id, table: bare.readString(cursor), limit: number(), offset: number() };
    case 11:
      return { tag: "schedules", id };
    case 12:
      return { tag: "scheduleHistory", id, schedule: bare.readString(cursor), limit: number() };
    case 13: {
      const schedule = bare.readString(cursor);
      bare.readString(cursor);
      return { tag: "deleteSchedule", id, schedule };
    }
    default:
      throw malformed("a frame is of an unknown kind");
  }
}

export function encodeInspectorMessage(message: InspectorMessage): Uint8Array {
  const cursor = new bare.ByteCursor(new Uint8Array(256), config);
  bare.writeU16(cursor, inspectorVersion);
  switch (message.tag) {
    case "init":
      bare.writeU8(cursor, 17);
      writeInit(cursor, message.summary);
      break;
    case "error":
      bare.writeU8(cursor, 16);
      bare.writeString(cursor, message.message);
      break;
    case "pushed":
      writePushed(cursor, message.topic, message.frame);
      break;
    case "answer":
      writeAnswer(cursor, message.request, message.body);
  }
  return cursor.bytes.subarray(0, cursor.offset);
}

function writePushed(cursor: bare.ByteCursor, topic: PushedTopic, frame: Fields): void {
  switch (topic) {
    case "connections":
      bare.writeU8(cursor, 3);
      return writeList(cursor, listOf(frame["connections"]), writeConnection);
    case "queue":
      bare.writeU8(cursor, 4);
      return writeUint(cursor, frame["queueSize"]);
    case "state":
      bare.writeU8(cursor, 5);
      return writeValue(cursor, frame["state"]);
    case "workflow":
      bare.writeU8(cursor, 6);
      return bare.writeU8Array(cursor, encodeHistory(frame["history"]));
    case "schedules":
      bare.writeU8(cursor, 7);
      return writeList(cursor, listOf(frame["schedules"]), writeSchedule);
  }
}

function writeAnswer(cursor: bare.ByteCursor, request: AnsweredRequest, body: Fields): void {
  bare.writeU8(cursor, answerKinds[request.tag]);
  bare.writeUint(cursor, request.id);
  switch (request.tag) {
    case "state":
      writeOptional(cursor, body["isStateEnabled"] === true ? body["state"] : undefined, writeValue);
      return bare.writeBool(cursor, body["isStateEnabled"] === true);
    case "connections":
      return writeList(cursor, listOf(body["connections"]), writeConnection);
    case "action":
      return writeValue(cursor, body["output"]);
    case "rpcs":
      return writeList(cursor, listOf(body["rpcs"]), writeText);
    case "traces":
      // The traces of `rivetkit` are in a form of their own; ours are spans over HTTP.
      return bare.writeU8Array(cursor, new Uint8Array());
    case "queue":
      writeUint(cursor, body["size"]);
      writeUint(cursor, body["maxSize"]);
      writeList(cursor, listOf(body["messages"]), (each, message: Fields) => {
        writeUint(each, message["id"]);
        writeText(each, message["name"]);
        writeUint(each, message["createdAtMs"]);
      });
      return bare.writeBool(cursor, body["truncated"] === true);
    case "workflow":
    case "replay":
      writeOptional(cursor, body["history"], (each, history) =>
        bare.writeU8Array(each, encodeHistory(history)),
      );
      return bare.writeBool(cursor, body["isWorkflowEnabled"] === true);
    case "schedules":
      return writeList(cursor, listOf(body["schedules"]), writeSchedule);
    case "scheduleHistory":
      bare.writeString(cursor, request.schedule);
      return writeList(cursor, listOf(body["history"]), writeFire);
    case "deleteSchedule":
      bare.writeString(cursor, request.schedule);
      return bare.writeBool(cursor, body["ok"] === true);
    case "schema":
      return writeValue(cursor, body["schema"]);
    case "rows":
      return writeValue(cursor, body["rows"]);
  }
}

const answerKinds = {
  ...{ state: 0, connections: 1, action: 2, rpcs: 8, traces: 9, queue: 10, workflow: 11, replay: 12 },
  ...{ schedules: 13, scheduleHistory: 14, deleteSchedule: 15, schema: 18, rows: 19 },
} as const;

function writeInit(cursor: bare.ByteCursor, summary: Fields): void {
  const isStateEnabled = summary["isStateEnabled"] === true;
  writeList(cursor, listOf(summary["connections"]), writeConnection);
  writeOptional(cursor, isStateEnabled ? summary["state"] : undefined, writeValue);
  bare.writeBool(cursor, isStateEnabled);
  writeList(cursor, listOf(summary["rpcs"]), writeText);
  bare.writeBool(cursor, summary["isDatabaseEnabled"] === true);
  writeUint(cursor, summary["queueSize"]);
  writeOptional(cursor, summary["workflowHistory"], (each, history) =>
    bare.writeU8Array(each, encodeHistory(history)),
  );
  bare.writeBool(cursor, summary["isWorkflowEnabled"] === true);
  writeList(cursor, listOf(summary["tabs"]), (each, tab: Fields) => {
    writeText(each, tab["id"]);
    writeOptional(each, tab["label"], writeText);
    writeOptional(each, tab["icon"], writeText);
    bare.writeBool(each, tab["hidden"] === true);
  });
  writeList(cursor, listOf(summary["schedules"]), writeSchedule);
}

function writeConnection(cursor: bare.ByteCursor, connection: Fields): void {
  writeText(cursor, connection["id"]);
  writeValue(cursor, connection["details"]);
}

function writeSchedule(cursor: bare.ByteCursor, schedule: Fields): void {
  writeText(cursor, schedule["id"]);
  writeOptional(cursor, schedule["name"], writeText);
  writeText(cursor, schedule["kind"]);
  writeText(cursor, schedule["action"]);
  writeValue(cursor, schedule["args"]);
  writeUint(cursor, schedule["nextRunAt"] ?? schedule["scheduledAt"]);
  writeOptional(cursor, schedule["lastRunAt"], writeUint);
  writeOptional(cursor, schedule["expression"], writeText);
  writeOptional(cursor, schedule["timezone"], writeText);
  writeOptional(cursor, schedule["interval"], writeUint);
  writeOptional(cursor, schedule["maxHistory"], writeUint);
}

function writeFire(cursor: bare.ByteCursor, fire: Fields): void {
  writeText(cursor, fire["action"]);
  writeUint(cursor, fire["scheduledAt"]);
  writeUint(cursor, fire["firedAt"]);
  writeOptional(cursor, fire["finishedAt"], writeUint);
  writeText(cursor, fire["result"]);
  writeOptional(cursor, fire["error"] as Fields | undefined, (each, error) => {
    for (const name of ["group", "code", "message"]) writeText(each, error[name]);
    writeOptional(each, error["metadata"], writeValue);
  });
}

function writeUint(cursor: bare.ByteCursor, value: unknown): void {
  bare.writeUint(cursor, BigInt(Math.max(0, Math.round(Number(value ?? 0)))));
}

/** The list of a field; empty if it is none. */
function listOf(field: unknown): readonly Fields[] {
  return Array.isArray(field) ? (field as readonly Fields[]) : [];
}

function malformed(why: string): HoldfastError {
  return new HoldfastError("message", "malformed_bare", `The BARE input is malformed: ${why}`);
}

/** Messages of a jail: strict JSON, schemas, redaction of results. */
import type { BrokerErrorPayload } from "../errors.ts";

/** All that a jail may say: these three fields and no others. */
export interface WireRequest {
  readonly topic: string;
  /** Chosen by the caller; unique among the calls of its connection. */
  readonly correlation: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

interface Envelope {
  readonly id: string;
  readonly version: 1;
  /** ISO 8601. */
  readonly timestamp: string;
  readonly group: string;
}

/** What the host makes of a frame. Everything but the three fields of the wire is the host's own. */
export interface RequestEnvelope extends Envelope {
  readonly type: "request";
  readonly topic: string;
  readonly source: string;
  readonly correlation: string;
  readonly payload: { readonly arguments: Readonly<Record<string, unknown>> };
}

/** The answer to a request. */
export interface ResponseEnvelope extends Envelope {
  readonly type: "response";
  /** Null where the frame could not be read. */
  readonly topic: string | null;
  /** The plugin that answered, or "core". */
  readonly source: string;
  readonly correlation: string | null;
  readonly payload: { readonly result: unknown; readonly error: BrokerErrorPayload | null };
}

/** What is published into jails. */
export interface EventEnvelope extends Envelope {
  readonly type: "event";
  readonly topic: string;
  readonly source: string;
  readonly correlation: string | null;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Topics of the wire. A call is `tool.invoke.` and the name of the tool. */
export const wireTopics = {
  invoke: "tool.invoke.",
  list: "tool.list",
  cancel: "tool.cancel",
  progress: "tool.progress.",
  confirmation: "tool.confirmation.",
  listChanged: "tool.list_changed",
} as const;

/** Names of the sockets in the directory of a jail, and where it is mounted. */
export const wireSockets = { request: "request.sock", events: "events.sock" } as const;

/** Where the broker's sockets lie in a jail. */
export const gateMountTarget = "/run/holdfast/gate";

/** A tool as `tool.list` tells it. */
export interface WireTool {
  readonly name: string;
  readonly description: string;
  readonly risk_level: "low" | "high";
  readonly plugin: string;
  readonly version: string;
  readonly arguments_schema: Readonly<Record<string, unknown>>;
  readonly output_schema?: Readonly<Record<string, unknown>>;
}

/** Messages of a jail: strict JSON, schemas, redaction of results. */
import type { BrokerErrorPayload } from "../errors.ts";

/** A request from a jail: exactly these three fields. */
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

/** Envelope that the host creates from a frame. Only the three wire fields come from the jail. */
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
  /** Null if the frame could not be read. */
  readonly topic: string | null;
  /** The plugin that answered, or "core". */
  readonly source: string;
  readonly correlation: string | null;
  readonly payload: { readonly result: unknown; readonly error: BrokerErrorPayload | null };
}

/** An event published into jails. */
export interface EventEnvelope extends Envelope {
  readonly type: "event";
  readonly topic: string;
  readonly source: string;
  readonly correlation: string | null;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Topics of the wire. A call's topic is `tool.invoke.` followed by the name of the tool. */
export const wireTopics = {
  invoke: "tool.invoke.",
  list: "tool.list",
  cancel: "tool.cancel",
  progress: "tool.progress.",
  confirmation: "tool.confirmation.",
  listChanged: "tool.list_changed",
} as const;

/** Names of the sockets in a jail's directory. */
export const wireSockets = { request: "request.sock", events: "events.sock" } as const;

/** Path of the broker's sockets inside a jail. */
export const gateMountTarget = "/run/holdfast/gate";

/** A tool in the answer of `tool.list`. */
export interface WireTool {
  readonly name: string;
  readonly description: string;
  readonly risk_level: "low" | "high";
  readonly plugin: string;
  readonly version: string;
  readonly arguments_schema: Readonly<Record<string, unknown>>;
  readonly output_schema?: Readonly<Record<string, unknown>>;
}

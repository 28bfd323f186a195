import { HoldfastError } from "@holdfast/core";
import { isRecord } from "../internal/http.ts";
import type { SessionEvent, SessionRecord } from "../sdk/sessions/sessions.ts";

/** Records are JSON with a version: `{"version":1,...}`. */
const version = 1;

export function writeSession(session: SessionRecord): string {
  return JSON.stringify({ version, ...session });
}

export function readSession(text: unknown): SessionRecord {
  const record = read(text);
  const { id, agent, agentSessionId, lastConnectionId, createdAt } = record;
  const whole =
    typeof id === "string" &&
    typeof agent === "string" &&
    typeof agentSessionId === "string" &&
    typeof lastConnectionId === "string" &&
    typeof createdAt === "number";
  if (!whole) throw unreadable("a session");
  return { ...record, id, agent, agentSessionId, lastConnectionId, createdAt };
}

export function writeEvent(event: SessionEvent): string {
  return JSON.stringify({ version, ...event });
}

export function readEvent(text: unknown): SessionEvent {
  const record = read(text);
  const { id, eventIndex, sessionId, createdAt, connectionId, sender, payload } = record;
  const whole =
    typeof id === "string" &&
    typeof eventIndex === "number" &&
    typeof sessionId === "string" &&
    typeof createdAt === "number" &&
    typeof connectionId === "string" &&
    (sender === "client" || sender === "agent") &&
    isRecord(payload);
  if (!whole) throw unreadable("an event");
  // The payload was a message of the protocol when it was written, and is shown as it was.
  const message = payload as unknown as SessionEvent["payload"];
  return { id, eventIndex, sessionId, createdAt, connectionId, sender, payload: message };
}

function read(text: unknown): Record<string, unknown> {
  const value: unknown = typeof text === "string" ? JSON.parse(text) : text;
  if (!isRecord(value)) throw unreadable("an object");
  const { version: written, ...rest } = value;
  if (written === version) return rest;
  throw new HoldfastError(
    "sandbox",
    "unknown_record_version",
    `A record of version ${String(written)} was written by a newer version of this package; this one reads ${version}`,
    { statusCode: 500 },
  );
}

function unreadable(what: string): HoldfastError {
  return new HoldfastError("sandbox", "unreadable_record", `A stored record is not ${what}`, {
    statusCode: 500,
  });
}

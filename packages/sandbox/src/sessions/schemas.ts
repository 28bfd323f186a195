import { array, type JsonSchema, object, ref } from "../openapi/part.ts";

const text: JsonSchema = { type: "string" };
const name: JsonSchema = { type: "string", minLength: 1, maxLength: 200 };
const count: JsonSchema = { type: "integer", minimum: 0 };
const time: JsonSchema = { type: "integer", description: "Milliseconds since the epoch" };
const anything: JsonSchema = { type: "object", additionalProperties: true };
const options: JsonSchema = { type: "object", additionalProperties: text };

function oneOf(...values: readonly string[]): JsonSchema {
  return { type: "string", enum: values };
}

const settings = { mode: name, model: name, thoughtLevel: name, config: options };
const settingNames = Object.keys(settings);

/** Schemas of sessions, described in docs/reference/sandbox-sessions.md. */
export const sessionSchemas: Readonly<Record<string, JsonSchema>> = {
  SessionStatus: oneOf("starting", "idle", "running", "waiting", "detached"),
  SessionRecovery: oneOf("resumed", "loaded", "replayed"),
  PermissionState: oneOf("pending", "answered", "expired", "cancelled"),
  Session: object(
    {
      id: text,
      agent: text,
      cwd: text,
      title: text,
      origin: oneOf("session", "acp"),
      status: ref("SessionStatus"),
      agentSessionId: text,
      serverId: text,
      mode: text,
      model: text,
      thoughtLevel: text,
      modes: anything,
      models: anything,
      configOptions: array(anything),
      parentId: text,
      recovery: ref("SessionRecovery"),
      lastSequence: count,
      pendingPermissions: count,
      queuedPrompts: count,
      createdAt: time,
      updatedAt: time,
      archivedAt: time,
    },
    [
      "title",
      "agentSessionId",
      "serverId",
      "mode",
      "model",
      "thoughtLevel",
      "modes",
      "models",
      "configOptions",
      "parentId",
      "recovery",
      "archivedAt",
    ],
  ),
  SessionList: object({ sessions: array(ref("Session")), durable: { type: "boolean" }, nextCursor: text }, [
    "nextCursor",
  ]),
  NewSession: object(
    {
      ...settings,
      id: { ...name, pattern: "^[\\w.:-]+$" },
      agent: name,
      cwd: text,
      title: name,
      mcpServers: array(anything),
      permissionTimeoutMs: count,
    },
    [...settingNames, "id", "cwd", "title", "mcpServers", "permissionTimeoutMs"],
  ),
  SessionChange: object({ ...settings, title: name, archived: { type: "boolean" } }, [
    ...settingNames,
    "title",
    "archived",
  ]),
  SessionFork: object({ cwd: text, title: name, sequence: { type: "integer", minimum: 1 } }, [
    "cwd",
    "title",
    "sequence",
  ]),
  SessionForked: object({ session: ref("Session"), fork: oneOf("forked", "replayed") }),
  SessionResumed: object({
    session: ref("Session"),
    recovery: { anyOf: [ref("SessionRecovery"), { type: "null" }] },
  }),
  SessionCancelled: object({
    cancelled: { type: "boolean" },
    forced: { type: "boolean", description: "The agent did not answer in time and was ended" },
    prompts: array(text),
  }),
  NewPrompt: object(
    {
      id: { ...name, pattern: "^[\\w.:-]+$" },
      prompt: {
        anyOf: [
          { type: "string", minLength: 1 },
          { type: "array", items: anything, minItems: 1 },
        ],
      },
    },
    ["id"],
  ),
  Prompt: object(
    {
      id: text,
      sessionId: text,
      status: oneOf("queued", "running", "completed", "failed", "cancelled", "interrupted"),
      stopReason: text,
      result: anything,
      error: object({ code: text, message: text, data: {} }, ["data"]),
      recovery: ref("SessionRecovery"),
      createdAt: time,
      startedAt: time,
      settledAt: time,
    },
    ["stopReason", "result", "error", "recovery", "startedAt", "settledAt"],
  ),
  PermissionAnswer: {
    oneOf: [
      object({ optionId: text }),
      object({ reply: oneOf("once", "always", "reject") }),
      object({ cancel: { const: true } }),
    ],
  },
  SessionPermission: object(
    {
      id: text,
      sessionId: text,
      state: ref("PermissionState"),
      toolCall: anything,
      options: array(object({ optionId: text, name: text, kind: text })),
      agentSessionId: text,
      optionId: { type: ["string", "null"] },
      answeredBy: oneOf("client", "acp", "policy"),
      createdAt: time,
      expiresAt: time,
      resolvedAt: time,
    },
    ["agentSessionId", "optionId", "answeredBy", "expiresAt", "resolvedAt"],
  ),
  SessionEvent: object({
    version: { const: 1 },
    sessionId: text,
    sequence: { type: "integer", minimum: 1 },
    createdAt: time,
    sender: oneOf("client", "agent", "server"),
    payload: anything,
  }),
  SessionEventPage: object(
    {
      events: array(ref("SessionEvent")),
      lastSequence: count,
      gap: object({ from: count, to: count }),
    },
    ["gap"],
  ),
};

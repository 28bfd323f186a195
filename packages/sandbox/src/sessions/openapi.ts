import {
  array,
  empty,
  events,
  type JsonSchema,
  json,
  jsonBody,
  type OpenApiOperation,
  type OpenApiPart,
  pathParameter,
  problems,
  query,
  ref,
  unresponsiveMount,
} from "../openapi/part.ts";
import { sessionSchemas } from "./schemas.ts";

const id = pathParameter("id", "The id of a session");
const noSession = problems({ 404: "There is no such session" });
const badBody = problems({
  400: "No JSON, or something that does not exist",
  413: "The body is too large",
  415: "The body is not JSON",
  422: "A member is missing or wrong",
});
const agentFails = problems({
  ...unresponsiveMount,
  409: "It is in a state where that cannot be",
  500: "The agent's process ended",
  502: "The agent refused, or could not be started",
});
const boolean: JsonSchema = { type: "boolean" };
const count: JsonSchema = { type: "integer", minimum: 0 };
const state = query("state", ref("PermissionState"), "Only those in this state");
const permissions = json("Permissions, the oldest first", {
  type: "object",
  properties: { permissions: array(ref("SessionPermission")) },
  required: ["permissions"],
});

function operation(
  operationId: string,
  summary: string,
  more: Omit<OpenApiOperation, "operationId" | "summary" | "tags">,
): OpenApiOperation {
  return { operationId, summary, tags: ["sessions"], ...more };
}

/** `/v1/sessions` and `/v1/permissions`. */
export const sessionsPart: OpenApiPart = {
  schemas: sessionSchemas,
  paths: {
    "/v1/sessions": {
      get: operation("listSessions", "All sessions, the newest first", {
        parameters: [
          query("agent", { type: "string" }, "Only those of this agent"),
          query("status", ref("SessionStatus"), "Only those in this state"),
          query("archived", boolean, "Only archived ones, or only the others; all without it"),
          query(
            "limit",
            { type: "integer", minimum: 1, maximum: 1_000 },
            "At most so many; with a cursor 200",
          ),
          query("cursor", { type: "string" }, "`nextCursor` of the page before"),
        ],
        responses: {
          200: {
            description:
              "The sessions, all of them without limit and cursor; or, as an event stream, ready and then created, updated and deleted with the id of each session that changes",
            content: {
              ...json("", ref("SessionList")).content,
              ...events("", { type: "object", properties: { id: { type: "string" } } }).content,
            },
          },
          ...problems({ 400: "A wrong limit, cursor or archived" }),
        },
      }),
      post: operation("createSession", "Open a session in an agent of its own", {
        requestBody: jsonBody(ref("NewSession")),
        responses: {
          200: json("The existing session with this id", ref("Session")),
          201: json("The session, opened by its agent", ref("Session")),
          ...badBody,
          ...problems({ 404: "The agent is not installed" }),
          ...agentFails,
        },
      }),
    },
    "/v1/sessions/{id}": {
      get: operation("getSession", "One session", {
        parameters: [id],
        responses: { 200: json("The session", ref("Session")), ...noSession },
      }),
      patch: operation(
        "configureSession",
        "Change title, mode, model, thought level or options; archive it or take it back",
        {
          parameters: [id],
          requestBody: jsonBody(ref("SessionChange")),
          responses: { 200: json("The session", ref("Session")), ...noSession, ...badBody, ...agentFails },
        },
      ),
      delete: operation("deleteSession", "End the agent and remove the log; unknown ids are fine", {
        parameters: [id],
        responses: { 204: empty("Deleted") },
      }),
    },
    "/v1/sessions/{id}/close": {
      post: operation("closeSession", "End the agent and keep the log", {
        parameters: [id],
        responses: { 200: json("The session", ref("Session")), ...noSession },
      }),
    },
    "/v1/sessions/{id}/resume": {
      post: operation("resumeSession", "Recover the session now", {
        parameters: [id],
        responses: {
          200: json("The session, and how it came back", ref("SessionResumed")),
          ...noSession,
          ...agentFails,
        },
      }),
    },
    "/v1/sessions/{id}/fork": {
      post: operation("forkSession", "Open another session with the past of this one", {
        parameters: [id],
        requestBody: { ...jsonBody(ref("SessionFork")), required: false },
        responses: {
          201: json("The new session, and how it got its past", ref("SessionForked")),
          ...noSession,
          ...badBody,
          ...agentFails,
        },
      }),
    },
    "/v1/sessions/{id}/prompt": {
      post: operation("promptSession", "Accept a prompt, once for each id", {
        parameters: [id, query("wait", boolean, "Answer when the turn has ended")],
        requestBody: jsonBody(ref("NewPrompt")),
        responses: {
          200: json("The prompt, settled", ref("Prompt")),
          202: json("The prompt, kept", ref("Prompt")),
          ...noSession,
          ...badBody,
          ...problems({ 409: "Another prompt has this id", 429: "Too many prompts wait" }),
        },
      }),
    },
    "/v1/sessions/{id}/prompts": {
      get: operation("listPrompts", "Prompts in the order in which they were accepted", {
        parameters: [id],
        responses: {
          200: json("The prompts", {
            type: "object",
            properties: { prompts: array(ref("Prompt")) },
            required: ["prompts"],
          }),
          ...noSession,
        },
      }),
    },
    "/v1/sessions/{id}/prompts/{promptId}": {
      get: operation("getPrompt", "One prompt", {
        parameters: [id, pathParameter("promptId", "The id of a prompt")],
        responses: {
          200: json("The prompt", ref("Prompt")),
          ...problems({ 404: "No such session or prompt" }),
        },
      }),
    },
    "/v1/sessions/{id}/cancel": {
      post: operation("cancelSession", "Cancel the turn and what waits, or one prompt", {
        parameters: [id],
        requestBody: {
          ...jsonBody({ type: "object", properties: { promptId: { type: "string" } } }),
          required: false,
        },
        responses: {
          200: json("What was cancelled, when it has ended", ref("SessionCancelled")),
          ...badBody,
          ...problems({ 404: "No such session or prompt" }),
        },
      }),
    },
    "/v1/sessions/{id}/permissions": {
      get: operation("listSessionPermissions", "What the session's agent has asked for", {
        parameters: [id, state],
        responses: { 200: permissions, ...problems({ 400: "No such state" }), ...noSession },
      }),
    },
    "/v1/sessions/{id}/permissions/{permissionId}": {
      post: operation("answerPermission", "Answer the agent; the same answer again is fine", {
        parameters: [id, pathParameter("permissionId", "The id of a permission")],
        requestBody: jsonBody(ref("PermissionAnswer")),
        responses: {
          200: json("The permission", ref("SessionPermission")),
          ...badBody,
          ...problems({ 404: "No such session or permission", 409: "It is settled otherwise" }),
        },
      }),
    },
    "/v1/sessions/{id}/events": {
      get: operation("readSessionEvents", "The log: a page, a stream, or a WebSocket", {
        description:
          "With `accept: text/event-stream` the log from `after` or `Last-Event-ID`, then live: `event: message` with the sequence as id, `event: gap` with `{from, to}`, and `event: end` with `{reason}`. As a WebSocket the same items as JSON text frames.",
        parameters: [
          id,
          query("after", count, "The last sequence that is known; 0 by default"),
          query("limit", { type: "integer", minimum: 1, maximum: 1_000, default: 200 }, "Of a page"),
          { name: "last-event-id", in: "header", schema: count, description: "Wins over after in a stream" },
        ],
        responses: {
          200: {
            description: "The page or the stream",
            content: {
              ...json("", ref("SessionEventPage")).content,
              ...events("", ref("SessionEvent")).content,
            },
          },
          ...problems({ 400: "A wrong number", 406: "Neither JSON nor a stream is accepted" }),
          ...noSession,
        },
        "x-websocket": true,
      }),
    },
    "/v1/permissions": {
      get: operation("listPermissions", "What the agents of all sessions have asked for", {
        parameters: [state],
        responses: { 200: permissions, ...problems({ 400: "No such state" }) },
      }),
    },
  },
};

import {
  array,
  empty,
  events,
  type JsonSchema,
  json,
  type OpenApiMethod,
  type OpenApiOperation,
  type OpenApiPart,
  type OpenApiPath,
  object,
  pathParameter,
  query,
  ref,
} from "../../openapi/part.ts";

const text = { type: "string" };
const flag = { type: "boolean" };
const count = { type: "integer", minimum: 0 };
const anything = { type: "object", additionalProperties: true };
const open = (schema: JsonSchema): JsonSchema => ({ ...schema, additionalProperties: true });
const stream = "stream";

/** One operation: method, path, id, summary and response. */
type Row = readonly [OpenApiMethod, string, string, string, JsonSchema | typeof stream | undefined];

const session = "/session/{sessionID}";
const rows: readonly Row[] = [
  [
    "get",
    "/session",
    "opencodeSessions",
    "List sessions, most recently changed first",
    array(ref("OpenCodeSession")),
  ],
  [
    "post",
    "/session",
    "opencodeCreateSession",
    "Create a session. Its agent starts with the first prompt",
    ref("OpenCodeSession"),
  ],
  ["get", "/session/status", "opencodeSessionStatus", "Busy or idle, by session", anything],
  ["get", session, "opencodeSession", "One session", ref("OpenCodeSession")],
  [
    "patch",
    session,
    "opencodeChangeSession",
    "Change title, permission rules or archival",
    ref("OpenCodeSession"),
  ],
  ["delete", session, "opencodeDeleteSession", "Close and delete a session", flag],
  ["post", `${session}/abort`, "opencodeAbort", "Cancel the turn and all queued prompts", flag],
  [
    "post",
    `${session}/fork`,
    "opencodeFork",
    "Fork a session with its history up to a message",
    ref("OpenCodeSession"),
  ],
  [
    "get",
    `${session}/children`,
    "opencodeChildren",
    "Sessions with this parent",
    array(ref("OpenCodeSession")),
  ],
  ["get", `${session}/todo`, "opencodeTodo", "The agent's plan", array(anything)],
  [
    "get",
    `${session}/diff`,
    "opencodeDiff",
    "File changes by the session's tools",
    array(ref("OpenCodeFileDiff")),
  ],
  [
    "get",
    `${session}/message`,
    "opencodeMessages",
    "Messages with their parts",
    array(ref("OpenCodeMessage")),
  ],
  [
    "post",
    `${session}/message`,
    "opencodePrompt",
    "Send a prompt and wait for the agent's message",
    ref("OpenCodeMessage"),
  ],
  ["get", `${session}/message/{messageID}`, "opencodeMessage", "One message", ref("OpenCodeMessage")],
  ["get", `${session}/message/{messageID}/part/{partID}`, "opencodePart", "One part of a message", anything],
  ["post", `${session}/prompt_async`, "opencodePromptAsync", "Send a prompt without waiting", undefined],
  ["post", `${session}/init`, "opencodeInit", "Have the agent write AGENTS.md", flag],
  [
    "post",
    `${session}/summarize`,
    "opencodeSummarize",
    "Have the agent compact its context or write a summary",
    flag,
  ],
  [
    "post",
    `${session}/permissions/{permissionID}`,
    "opencodeAnswerPermission",
    "Answer a permission: `response`",
    flag,
  ],
  ["get", "/permission", "opencodePermissions", "Pending permission requests", array(anything)],
  ["post", "/permission/{requestID}/reply", "opencodeReplyPermission", "Answer a permission: `reply`", flag],
  ["get", "/question", "opencodeQuestions", "Pending questions", array(anything)],
  [
    "post",
    "/question/{requestID}/reply",
    "opencodeReplyQuestion",
    "Answer a question by one of its labels",
    flag,
  ],
  ["post", "/question/{requestID}/reject", "opencodeRejectQuestion", "Reject a question", flag],
  ["get", "/event", "opencodeEvents", "Event stream, of all directories or of one", stream],
  ["get", "/global/event", "opencodeGlobalEvents", "Event stream, each event with its directory", stream],
  ["get", "/global/health", "opencodeHealth", "Health check", anything],
  ["get", "/global/config", "opencodeGlobalConfig", "As `/opencode/config`", anything],
  ["patch", "/global/config", "opencodeChangeGlobalConfig", "As `/opencode/config`", anything],
  [
    "post",
    "/global/dispose",
    "opencodeDispose",
    "Does nothing, because clients have no instances: always true",
    flag,
  ],
  [
    "post",
    "/instance/dispose",
    "opencodeDisposeInstance",
    "Does nothing, because clients have no instances: always true",
    flag,
  ],
  ["get", "/config", "opencodeConfig", "The configuration", anything],
  ["patch", "/config", "opencodeChangeConfig", "Change `model` and `permission` for new sessions", anything],
  ["get", "/config/providers", "opencodeConfigProviders", "Usable agents, as providers", anything],
  ["get", "/provider", "opencodeProviders", "All agents, as providers", anything],
  ["get", "/provider/auth", "opencodeProviderAuth", "Sign-in methods: none", anything],
  [
    "post",
    "/provider/{providerID}/oauth/authorize",
    "opencodeAuthorize",
    "Always an error: agents sign in by themselves",
    anything,
  ],
  [
    "post",
    "/provider/{providerID}/oauth/callback",
    "opencodeAuthorized",
    "Always an error: agents sign in by themselves",
    anything,
  ],
  ["get", "/agent", "opencodeAgents", "Modes, which OpenCode calls agents", array(anything)],
  ["get", "/path", "opencodePath", "Directories of the server and the client", anything],
  ["get", "/vcs", "opencodeVcs", "The checked-out branch", anything],
  ["get", "/project", "opencodeProjects", "The project of the directory", array(anything)],
  ["get", "/project/current", "opencodeProject", "The project of the directory", anything],
  ["get", "/project/{projectID}/directories", "opencodeProjectDirectories", "None", array(anything)],
  ["get", "/command", "opencodeCommands", "Empty: agents have their own", array(anything)],
  ["get", "/mcp", "opencodeMcp", "Empty: see `/v1/config/mcp`", anything],
  ["get", "/lsp", "opencodeLsp", "None", array(anything)],
  ["get", "/formatter", "opencodeFormatters", "None", array(anything)],
  ["get", "/skill", "opencodeSkills", "Empty: see `/v1/config/skills`", array(anything)],
  ["get", "/experimental/resource", "opencodeResources", "None", anything],
  [
    "get",
    "/experimental/capabilities",
    "opencodeCapabilities",
    "Capabilities of OpenCode's terminal",
    anything,
  ],
  ["get", "/experimental/console", "opencodeConsole", "No organisations", anything],
  ["get", "/experimental/workspace", "opencodeWorkspaces", "None", array(anything)],
  ["get", "/experimental/workspace/status", "opencodeWorkspaceStatus", "None", array(anything)],
  ["get", "/api/location", "opencodeLocation", "The directory and its project", anything],
  ...["agent", "integration", "model", "provider", "reference", "command", "skill"].map(
    (name): Row => ["get", `/api/${name}`, `opencodeApi${name}`, "Empty list with the directory", anything],
  ),
  [
    "post",
    "/tui/append-prompt",
    "opencodeTuiAppend",
    "Append `text` to the prompt of attached terminals",
    flag,
  ],
  ["post", "/tui/clear-prompt", "opencodeTuiClear", "Clear the prompt of attached terminals", flag],
  ["post", "/tui/submit-prompt", "opencodeTuiSubmit", "Submit the prompt of attached terminals", flag],
  ["post", "/tui/execute-command", "opencodeTuiCommand", "Run `command` in attached terminals", flag],
  ["post", "/tui/open-help", "opencodeTuiHelp", "Show the help in attached terminals", flag],
  ["post", "/tui/open-models", "opencodeTuiModels", "Show the models in attached terminals", flag],
  ["post", "/tui/open-sessions", "opencodeTuiSessions", "Show the sessions in attached terminals", flag],
  ["post", "/tui/open-themes", "opencodeTuiThemes", "Show the themes in attached terminals", flag],
  ["post", "/tui/publish", "opencodeTuiPublish", "Send an event to attached terminals", flag],
  ["post", "/tui/show-toast", "opencodeTuiToast", "Show `message` in attached terminals", flag],
  [
    "get",
    "/tui/control/next",
    "opencodeTuiNext",
    "Always empty: terminals are controlled by events",
    anything,
  ],
  ["post", "/tui/control/response", "opencodeTuiResponse", "Always true", flag],
];

/** Query parameters by operation. */
const queries: Readonly<Record<string, readonly ReturnType<typeof query>[]>> = {
  opencodeSessions: [
    query("directory", text, "Only sessions of this directory"),
    query("start", count, "Only sessions changed at or after this time, in milliseconds since the epoch"),
    query("search", text, "Only sessions whose title contains this text"),
    query("roots", flag, "Only sessions without a parent"),
    query("archived", flag, "Include archived sessions"),
    query("limit", count),
  ],
  opencodeMessages: [query("limit", count, "Maximum number of results, newest first")],
  opencodeDiff: [query("messageID", text, "Only changes by the turn of this message")],
  opencodeEvents: [query("directory", text, "Only events of this directory")],
};

function operation([method, path, operationId, summary, answer]: Row): OpenApiOperation {
  const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => pathParameter(name));
  const error = { description: "Refused", content: { "application/json": { schema: ref("OpenCodeError") } } };
  const ok =
    answer === stream
      ? { 200: events("`id` and `data` lines; `server.heartbeat` has no id", ref("OpenCodeEvent")) }
      : answer === undefined
        ? { 204: empty("Accepted") }
        : { 200: json("The answer", answer) };
  const takesBody = method === "post" || method === "patch";
  return {
    operationId,
    summary,
    tags: ["opencode"],
    parameters: [...named, ...(queries[operationId] ?? [])],
    ...(takesBody ? { requestBody: { content: { "application/json": { schema: anything } } } } : {}),
    responses: { ...ok, 400: error, 401: error, 404: error, 409: error },
  };
}

function paths(): Record<string, OpenApiPath> {
  const found: Record<string, Partial<Record<OpenApiMethod, OpenApiOperation>>> = {};
  for (const row of rows) {
    const path = `/opencode${row[1]}`;
    found[path] = { ...found[path], [row[0]]: operation(row) };
  }
  return found;
}

/** Documentation of the OpenCode routes. */
export const opencodePart: OpenApiPart = {
  paths: paths(),
  schemas: {
    OpenCodeSession: open(
      object({
        id: { type: "string", pattern: "^ses_" },
        projectID: text,
        directory: text,
        title: text,
        version: text,
        time: open(object({ created: count, updated: count })),
      }),
    ),
    OpenCodeMessage: object({
      info: open(
        object({ id: text, sessionID: text, role: { enum: ["user", "assistant"] }, time: anything }),
      ),
      parts: array(open(object({ id: text, sessionID: text, messageID: text, type: text }))),
    }),
    OpenCodeFileDiff: object({
      file: text,
      before: text,
      after: text,
      patch: text,
      additions: count,
      deletions: count,
      status: { enum: ["added", "deleted", "modified"] },
    }),
    OpenCodeEvent: open(object({ id: text, type: text, properties: anything }, ["id"])),
    OpenCodeError: object({
      name: text,
      data: anything,
      errors: array(object({ message: text })),
    }),
  },
};

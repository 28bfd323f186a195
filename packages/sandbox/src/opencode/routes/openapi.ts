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

/** One operation: method, path, id, summary, and what it answers. */
type Row = readonly [OpenApiMethod, string, string, string, JsonSchema | typeof stream | undefined];

const session = "/session/{sessionID}";
const rows: readonly Row[] = [
  [
    "get",
    "/session",
    "opencodeSessions",
    "Sessions, the latest changed first",
    array(ref("OpenCodeSession")),
  ],
  [
    "post",
    "/session",
    "opencodeCreateSession",
    "Make a session; its agent starts with the first prompt",
    ref("OpenCodeSession"),
  ],
  [
    "get",
    "/session/status",
    "opencodeSessionStatus",
    "Which sessions are busy, and which are idle",
    anything,
  ],
  ["get", session, "opencodeSession", "One session", ref("OpenCodeSession")],
  [
    "patch",
    session,
    "opencodeChangeSession",
    "Change title, permission rules or archival",
    ref("OpenCodeSession"),
  ],
  ["delete", session, "opencodeDeleteSession", "End a session and forget it", flag],
  ["post", `${session}/abort`, "opencodeAbort", "Cancel the turn and what waits", flag],
  [
    "post",
    `${session}/fork`,
    "opencodeFork",
    "Open another session with the past up to a message",
    ref("OpenCodeSession"),
  ],
  [
    "get",
    `${session}/children`,
    "opencodeChildren",
    "Sessions that were made from one",
    array(ref("OpenCodeSession")),
  ],
  ["get", `${session}/todo`, "opencodeTodo", "The agent's plan", array(anything)],
  [
    "get",
    `${session}/diff`,
    "opencodeDiff",
    "What the session's tools have changed",
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
    "Prompt, and wait for the agent's message",
    ref("OpenCodeMessage"),
  ],
  ["get", `${session}/message/{messageID}`, "opencodeMessage", "One message", ref("OpenCodeMessage")],
  ["get", `${session}/message/{messageID}/part/{partID}`, "opencodePart", "One part of a message", anything],
  ["post", `${session}/prompt_async`, "opencodePromptAsync", "Prompt, and do not wait", undefined],
  ["post", `${session}/init`, "opencodeInit", "Let the agent write AGENTS.md", flag],
  [
    "post",
    `${session}/summarize`,
    "opencodeSummarize",
    "Let the agent shorten its memory, or summarise",
    flag,
  ],
  [
    "post",
    `${session}/permissions/{permissionID}`,
    "opencodeAnswerPermission",
    "Answer a permission: `response`",
    flag,
  ],
  ["get", "/permission", "opencodePermissions", "Permissions that wait", array(anything)],
  ["post", "/permission/{requestID}/reply", "opencodeReplyPermission", "Answer a permission: `reply`", flag],
  ["get", "/question", "opencodeQuestions", "Questions that wait", array(anything)],
  [
    "post",
    "/question/{requestID}/reply",
    "opencodeReplyQuestion",
    "Answer a question by one of its labels",
    flag,
  ],
  ["post", "/question/{requestID}/reject", "opencodeRejectQuestion", "Leave a question unanswered", flag],
  ["get", "/event", "opencodeEvents", "What happens, or what happens in one directory", stream],
  ["get", "/global/event", "opencodeGlobalEvents", "What happens, each with its directory", stream],
  ["get", "/global/health", "opencodeHealth", "That the server is well", anything],
  ["get", "/global/config", "opencodeGlobalConfig", "As `/opencode/config`", anything],
  ["patch", "/global/config", "opencodeChangeGlobalConfig", "As `/opencode/config`", anything],
  ["post", "/global/dispose", "opencodeDispose", "Nothing is kept for a client: always true", flag],
  ["post", "/instance/dispose", "opencodeDisposeInstance", "Nothing is kept for a client: always true", flag],
  ["get", "/config", "opencodeConfig", "The configuration", anything],
  ["patch", "/config", "opencodeChangeConfig", "Change `model` and `permission` for new sessions", anything],
  ["get", "/config/providers", "opencodeConfigProviders", "Agents that can be used, as providers", anything],
  ["get", "/provider", "opencodeProviders", "All agents, as providers", anything],
  ["get", "/provider/auth", "opencodeProviderAuth", "Ways to sign in here: none", anything],
  [
    "post",
    "/provider/{providerID}/oauth/authorize",
    "opencodeAuthorize",
    "Refused: agents sign in by themselves",
    anything,
  ],
  [
    "post",
    "/provider/{providerID}/oauth/callback",
    "opencodeAuthorized",
    "Refused: agents sign in by themselves",
    anything,
  ],
  ["get", "/agent", "opencodeAgents", "Modes, which OpenCode calls agents", array(anything)],
  ["get", "/path", "opencodePath", "Directories of the server and the client", anything],
  ["get", "/vcs", "opencodeVcs", "The branch that is checked out", anything],
  ["get", "/project", "opencodeProjects", "The project of the directory", array(anything)],
  ["get", "/project/current", "opencodeProject", "The project of the directory", anything],
  ["get", "/project/{projectID}/directories", "opencodeProjectDirectories", "None", array(anything)],
  ["get", "/command", "opencodeCommands", "None: agents have their own", array(anything)],
  ["get", "/mcp", "opencodeMcp", "None: see `/v1/config/mcp`", anything],
  ["get", "/lsp", "opencodeLsp", "None", array(anything)],
  ["get", "/formatter", "opencodeFormatters", "None", array(anything)],
  ["get", "/skill", "opencodeSkills", "None: see `/v1/config/skills`", array(anything)],
  ["get", "/experimental/resource", "opencodeResources", "None", anything],
  [
    "get",
    "/experimental/capabilities",
    "opencodeCapabilities",
    "What OpenCode's terminal may offer",
    anything,
  ],
  ["get", "/experimental/console", "opencodeConsole", "No organisations", anything],
  ["get", "/experimental/workspace", "opencodeWorkspaces", "None", array(anything)],
  ["get", "/experimental/workspace/status", "opencodeWorkspaceStatus", "None", array(anything)],
  ["get", "/api/location", "opencodeLocation", "The directory and its project", anything],
  ...["agent", "integration", "model", "provider", "reference", "command", "skill"].map(
    (name): Row => ["get", `/api/${name}`, `opencodeApi${name}`, "None, of the directory", anything],
  ),
  [
    "post",
    "/tui/append-prompt",
    "opencodeTuiAppend",
    "Tell attached terminals: add `text` to the prompt",
    flag,
  ],
  ["post", "/tui/clear-prompt", "opencodeTuiClear", "Tell attached terminals: clear the prompt", flag],
  ["post", "/tui/submit-prompt", "opencodeTuiSubmit", "Tell attached terminals: send the prompt", flag],
  ["post", "/tui/execute-command", "opencodeTuiCommand", "Tell attached terminals: run `command`", flag],
  ["post", "/tui/open-help", "opencodeTuiHelp", "Tell attached terminals: show the help", flag],
  ["post", "/tui/open-models", "opencodeTuiModels", "Tell attached terminals: show the models", flag],
  ["post", "/tui/open-sessions", "opencodeTuiSessions", "Tell attached terminals: show the sessions", flag],
  ["post", "/tui/open-themes", "opencodeTuiThemes", "Tell attached terminals: show the themes", flag],
  ["post", "/tui/publish", "opencodeTuiPublish", "Tell attached terminals an event of theirs", flag],
  ["post", "/tui/show-toast", "opencodeTuiToast", "Tell attached terminals: show `message`", flag],
  ["get", "/tui/control/next", "opencodeTuiNext", "Nothing waits here", anything],
  ["post", "/tui/control/response", "opencodeTuiResponse", "Always true", flag],
];

/** Query parameters by operation. */
const queries: Readonly<Record<string, readonly ReturnType<typeof query>[]>> = {
  opencodeSessions: [
    query("directory", text, "Only those that work there"),
    query("start", count, "Only those that changed at this time or later, in milliseconds"),
    query("search", text, "Only those whose title has this"),
    query("roots", flag, "Only those that were not made from others"),
    query("archived", flag, "Those that are archived too"),
    query("limit", count),
  ],
  opencodeMessages: [query("limit", count, "Only the newest of them")],
  opencodeDiff: [query("messageID", text, "Only what the turn of this message has changed")],
  opencodeEvents: [query("directory", text, "Only what happens there")],
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

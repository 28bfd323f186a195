import {
  array,
  empty,
  json,
  jsonBody,
  type OpenApiOperation,
  type OpenApiPart,
  object,
  pathParameter,
  problems,
  query,
  ref,
  unresponsiveMount,
} from "../openapi/part.ts";
import { processSchemas } from "./openapi-schemas.ts";

const tags = ["processes"];
const count = { type: "integer", minimum: 0 };

const id = pathParameter("id", "The id of a process, or its name.");
const badBody = {
  400: "Malformed JSON or an invalid value",
  413: "The body is too large",
  415: "The body is not JSON",
  422: "The body is malformed",
};

function signal(operationId: string, summary: string, defaultMs: number): OpenApiOperation {
  return {
    operationId,
    summary,
    tags,
    parameters: [id, query("waitMs", count, `How long to wait for the exit. Default: ${defaultMs}.`)],
    responses: {
      200: json("The process after its exit or the timeout", ref("ProcessInfo")),
      ...problems({ 400: "A query parameter is invalid", 404: "No such process" }),
    },
  };
}

const logQuery = [
  query("stream", ref("ProcessLogsStream"), "Default: all streams."),
  query("since", count, "Only entries with a larger sequence."),
  query("tail", count, "Only the last entries, at most this many."),
  query(
    "follow",
    { type: "boolean" },
    "Responds with server-sent events: `log` for each entry, with its sequence as id; `gap` for output that is no " +
      "longer retained; `exit` with exit code and signal at the end. Last-Event-ID resumes and overrides tail.",
  ),
];

/** Documentation of the process routes. */
export const processesPart: OpenApiPart = {
  paths: {
    "/v1/processes": {
      get: {
        operationId: "listProcesses",
        summary: "Lists the managed processes in creation order.",
        tags,
        parameters: [query("owner", ref("ProcessOwner"))],
        responses: {
          200: json("The processes", object({ processes: array(ref("ProcessInfo")) })),
          ...problems({ 400: "Unknown owner" }),
        },
      },
      post: {
        operationId: "createProcess",
        summary: "Starts a managed process. It stays listed until it is deleted.",
        tags,
        requestBody: jsonBody(ref("ProcessCreateRequest")),
        responses: {
          200: json("It runs", ref("ProcessInfo")),
          ...problems({
            ...badBody,
            409: "Too many running processes, or the name is taken",
            ...unresponsiveMount,
            501: "This platform has no terminals",
            502: "The process did not start",
          }),
        },
      },
    },
    "/v1/processes/config": {
      get: {
        operationId: "getProcessConfig",
        summary: "Returns the limits of processes.",
        tags,
        responses: { 200: json("The limits", ref("ProcessConfig")) },
      },
      post: {
        operationId: "setProcessConfig",
        summary: "Replaces the limits of processes until the server ends.",
        tags,
        requestBody: jsonBody(ref("ProcessConfig")),
        responses: { 200: json("The limits", ref("ProcessConfig")), ...problems(badBody) },
      },
    },
    "/v1/processes/run": {
      post: {
        operationId: "runProcess",
        summary: "Runs a command until it exits and returns its output.",
        tags,
        requestBody: jsonBody(ref("ProcessRunRequest")),
        responses: {
          200: json("Exit code and output of the command", ref("ProcessRunResponse")),
          ...problems({
            ...badBody,
            ...unresponsiveMount,
            409: "Too many concurrent commands",
            502: "The command did not start",
          }),
        },
      },
    },
    "/v1/processes/{id}": {
      get: {
        operationId: "getProcess",
        summary: "Describes one process.",
        tags,
        parameters: [id],
        responses: {
          200: json("The process", ref("ProcessInfo")),
          ...problems({ 404: "No such process" }),
        },
      },
      delete: {
        operationId: "deleteProcess",
        summary: "Deletes an exited process with its output, and cancels a pending restart.",
        tags,
        parameters: [id],
        responses: {
          204: empty("Deleted"),
          ...problems({ 404: "No such process", 409: "The process is still running" }),
        },
      },
    },
    "/v1/processes/{id}/stop": {
      post: signal("stopProcess", "Sends SIGTERM to a process and its descendants.", 2_000),
    },
    "/v1/processes/{id}/kill": {
      post: signal("killProcess", "Kills a process and its descendants (SIGKILL).", 1_000),
    },
    "/v1/processes/{id}/logs": {
      get: {
        operationId: "getProcessLogs",
        summary: "Returns the retained output, or follows it.",
        tags,
        parameters: [id, ...logQuery],
        responses: {
          200: {
            description: "The output",
            content: {
              "application/json": { schema: ref("ProcessLogsResponse") },
              "text/event-stream": { schema: ref("ProcessLogEntry") },
            },
          },
          ...problems({ 400: "A parameter is invalid", 404: "No such process" }),
        },
      },
    },
    "/v1/processes/{id}/input": {
      post: {
        operationId: "sendProcessInput",
        summary: "Writes to the standard input or terminal of a process.",
        tags,
        parameters: [id],
        requestBody: jsonBody(ref("ProcessInputRequest")),
        responses: {
          200: json("The input is queued", ref("ProcessInputResponse")),
          ...problems({
            ...badBody,
            404: "No such process",
            409: "The process has exited, or does not read its input",
            413: "The input or the body is too large",
          }),
        },
      },
    },
    "/v1/processes/{id}/ports": {
      get: {
        operationId: "listProcessPorts",
        summary: "Lists the TCP ports that a process or its descendants listen on.",
        tags,
        parameters: [id],
        responses: {
          200: json("The ports", object({ ports: array(ref("ListeningPort")) })),
          ...problems({ 404: "No such process" }),
        },
      },
    },
    "/v1/processes/{id}/terminal/resize": {
      post: {
        operationId: "resizeProcessTerminal",
        summary: "Sets the size of a terminal in characters.",
        tags,
        parameters: [id],
        requestBody: jsonBody(ref("TerminalSize")),
        responses: {
          200: json("The size", ref("TerminalSize")),
          ...problems({
            ...badBody,
            404: "No such process",
            409: "The process has exited, or has no terminal",
          }),
        },
      },
    },
    "/v1/processes/{id}/terminal/ws": {
      get: {
        operationId: "attachProcessTerminal",
        summary: "Attaches a WebSocket to a terminal.",
        description:
          "The server sends `ready`, output as binary frames, `exit`, and `error` for an invalid frame. " +
          "The client sends `input`, `resize` and `close`. All frames but output are JSON text.",
        tags,
        parameters: [
          id,
          query(
            "offset",
            { oneOf: [count, { const: "end" }] },
            "Output offset to start at: a byte, or `end`. Default: the last 256 KiB.",
          ),
        ],
        responses: {
          101: empty("Switches to the WebSocket protocol"),
          ...problems({
            400: "No upgrade, or an invalid parameter",
            404: "No such process",
            409: "The process has no terminal",
          }),
        },
        "x-websocket": true,
      },
    },
    "/v1/ports": {
      get: {
        operationId: "listPorts",
        summary: "Lists the TCP ports that managed processes and agents' commands listen on.",
        tags,
        responses: { 200: json("The ports", object({ ports: array(ref("ListeningPort")) })) },
      },
    },
    "/v1/ports/{port}/tunnel": {
      get: {
        operationId: "openPortTunnel",
        summary: "Connects a WebSocket with a port: its binary messages carry the bytes of the connection.",
        tags,
        parameters: [pathParameter("port")],
        responses: {
          101: empty("Switches to the WebSocket protocol"),
          ...problems({ 400: "No upgrade", 404: "Nothing of this server listens on this port" }),
        },
        "x-websocket": true,
      },
    },
    "/v1/ports/{port}/preview": {
      post: {
        operationId: "previewPort",
        summary: "Creates a browser preview of a listed port, on a separate origin.",
        tags,
        parameters: [pathParameter("port")],
        responses: {
          200: json("A single-use link", ref("PortPreview")),
          ...problems({ 404: "Nothing of this server listens on this port" }),
        },
      },
    },
  },
  schemas: processSchemas,
};

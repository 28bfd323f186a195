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
  400: "Malformed JSON, or a value that means nothing",
  413: "The body is too large",
  415: "The body is not JSON",
  422: "The body is malformed",
};

function signal(operationId: string, summary: string, defaultMs: number): OpenApiOperation {
  return {
    operationId,
    summary,
    tags,
    parameters: [id, query("waitMs", count, `How long to wait for the end; ${defaultMs} by default.`)],
    responses: {
      200: json("How it is when it has ended or the time is over", ref("ProcessInfo")),
      ...problems({ 400: "A query parameter is wrong", 404: "There is no such process" }),
    },
  };
}

const logQuery = [
  query("stream", ref("ProcessLogsStream"), "All by default."),
  query("since", count, "Only entries with a larger sequence."),
  query("tail", count, "Of those only the last so many."),
  query(
    "follow",
    { type: "boolean" },
    "Answers with server-sent events: `log` for each entry, with its sequence as id; `gap` for what is no " +
      "longer kept; `exit` with exit code and signal at the end. Last-Event-ID resumes, whatever tail says.",
  ),
];

export const processesPart: OpenApiPart = {
  paths: {
    "/v1/processes": {
      get: {
        operationId: "listProcesses",
        summary: "Lists the managed processes in the order of their creation.",
        tags,
        parameters: [query("owner", ref("ProcessOwner"))],
        responses: {
          200: json("The processes", object({ processes: array(ref("ProcessInfo")) })),
          ...problems({ 400: "There is no such owner" }),
        },
      },
      post: {
        operationId: "createProcess",
        summary: "Starts a process that is managed until it is deleted.",
        tags,
        requestBody: jsonBody(ref("ProcessCreateRequest")),
        responses: {
          200: json("It runs", ref("ProcessInfo")),
          ...problems({
            ...badBody,
            409: "Too many run, or the name is taken",
            ...unresponsiveMount,
            501: "There are no terminals on this platform",
            502: "It did not start",
          }),
        },
      },
    },
    "/v1/processes/config": {
      get: {
        operationId: "getProcessConfig",
        summary: "Tells the limits of processes.",
        tags,
        responses: { 200: json("The limits", ref("ProcessConfig")) },
      },
      post: {
        operationId: "setProcessConfig",
        summary: "Replaces the limits of processes at once, until the server ends.",
        tags,
        requestBody: jsonBody(ref("ProcessConfig")),
        responses: { 200: json("The limits", ref("ProcessConfig")), ...problems(badBody) },
      },
    },
    "/v1/processes/run": {
      post: {
        operationId: "runProcess",
        summary: "Runs a command to its end and answers its output.",
        tags,
        requestBody: jsonBody(ref("ProcessRunRequest")),
        responses: {
          200: json("How it ended", ref("ProcessRunResponse")),
          ...problems({
            ...badBody,
            ...unresponsiveMount,
            409: "Too many run at once",
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
          ...problems({ 404: "There is no such process" }),
        },
      },
      delete: {
        operationId: "deleteProcess",
        summary: "Forgets an exited process and its output, and a restart that waits.",
        tags,
        parameters: [id],
        responses: {
          204: empty("Nothing of it is left"),
          ...problems({ 404: "There is no such process", 409: "It is still running" }),
        },
      },
    },
    "/v1/processes/{id}/stop": {
      post: signal("stopProcess", "Asks a process and all it started to end (SIGTERM).", 2_000),
    },
    "/v1/processes/{id}/kill": {
      post: signal("killProcess", "Ends a process and all it started (SIGKILL).", 1_000),
    },
    "/v1/processes/{id}/logs": {
      get: {
        operationId: "getProcessLogs",
        summary: "Gives the output that is kept, or follows it.",
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
          ...problems({ 400: "A parameter is wrong", 404: "There is no such process" }),
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
          200: json("It will read them", ref("ProcessInputResponse")),
          ...problems({
            ...badBody,
            404: "There is no such process",
            409: "It has exited, or does not read",
            413: "The input, or the body, is too large",
          }),
        },
      },
    },
    "/v1/processes/{id}/ports": {
      get: {
        operationId: "listProcessPorts",
        summary: "Lists the TCP ports that a process or something it started listens on.",
        tags,
        parameters: [id],
        responses: {
          200: json("The ports", object({ ports: array(ref("ListeningPort")) })),
          ...problems({ 404: "There is no such process" }),
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
            404: "There is no such process",
            409: "It has exited, or has no terminal",
          }),
        },
      },
    },
    "/v1/processes/{id}/terminal/ws": {
      get: {
        operationId: "attachProcessTerminal",
        summary: "Attaches a WebSocket to a terminal.",
        description:
          "The server sends `ready`, output as binary frames, `exit`, and `error` for a frame that it cannot " +
          "take, which are JSON text; the client sends `input`, `resize` and `close`.",
        tags,
        parameters: [
          id,
          query(
            "offset",
            { oneOf: [count, { const: "end" }] },
            "Where in the output to begin: a byte, or `end`. By default the last 256 KiB come first.",
          ),
        ],
        responses: {
          101: empty("The protocol changes"),
          ...problems({
            400: "No upgrade, or a wrong parameter",
            404: "There is no such process",
            409: "It has no terminal",
          }),
        },
        "x-websocket": true,
      },
    },
    "/v1/ports": {
      get: {
        operationId: "listPorts",
        summary: "Lists the TCP ports that managed processes listen on.",
        tags,
        responses: { 200: json("The ports", object({ ports: array(ref("ListeningPort")) })) },
      },
    },
    "/v1/ports/{port}/preview": {
      post: {
        operationId: "previewPort",
        summary: "Shows a port of a managed process to a browser, on an origin of its own.",
        tags,
        parameters: [pathParameter("port")],
        responses: {
          200: json("A link that works once", ref("PortPreview")),
          ...problems({ 404: "No managed process listens there" }),
        },
      },
    },
  },
  schemas: processSchemas,
};

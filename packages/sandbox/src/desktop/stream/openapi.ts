import { empty, json, type OpenApiPart, object, problems, query, ref } from "../../openapi/part.ts";

const tags = ["desktop"];
const status = json("The status", ref("DesktopStreamStatus"));

/** Documentation of the routes of the stream. */
export const streamPaths: OpenApiPart["paths"] = {
  "/v1/desktop/stream/status": {
    get: {
      operationId: "getDesktopStreamStatus",
      summary: "Tells whether the stream is active: since a start, or because someone looks.",
      tags,
      responses: { 200: status },
    },
  },
  "/v1/desktop/stream/start": {
    post: {
      operationId: "startDesktopStream",
      summary: "Starts the stream, which then runs without viewers too. Idempotent.",
      tags,
      responses: {
        200: status,
        ...problems({ 409: "The desktop is not active", 503: "ffmpeg is missing" }),
      },
    },
  },
  "/v1/desktop/stream/stop": {
    post: {
      operationId: "stopDesktopStream",
      summary: "Disconnects the viewers and ends the stream. Idempotent.",
      tags,
      responses: { 200: status },
    },
  },
  "/v1/desktop/stream/signaling": {
    get: {
      operationId: "openDesktopStream",
      summary: "Connects a viewer: signaling of WebRTC, or JPEG frames, and input.",
      description:
        "Text messages are JSON with `event` and `payload`. The server begins with `system/init`; the client asks " +
        "for WebRTC by `signal/request`, or for JPEG frames as binary messages by `frames/request`, and confirms " +
        "each of them by `frames/ack`. Binary messages of the client are input. A refusal is " +
        "`system/disconnect` with its reason, and a close frame.",
      tags,
      parameters: [query("viewOnly", { type: "boolean", default: false }, "Whether input is ignored.")],
      responses: {
        101: empty("Switches to the WebSocket protocol"),
        ...problems({ 400: "No upgrade" }),
      },
      "x-websocket": true,
    },
  },
};

export const streamSchemas: OpenApiPart["schemas"] = {
  DesktopStreamStatus: object(
    {
      active: { type: "boolean" },
      processId: { type: "string", description: "Of the ffmpeg that encodes." },
    },
    ["processId"],
  ),
};

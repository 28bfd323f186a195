import {
  array,
  empty,
  events,
  json,
  jsonBody,
  type OpenApiPart,
  object,
  pathParameter,
  problems,
  query,
  ref,
  unresponsiveMount,
} from "../openapi/part.ts";

const tags = ["acp"];
const text = { type: "string" };
const serverId = pathParameter("serverId", "Chosen by the client; any text.");

export const acpPart: OpenApiPart = {
  paths: {
    "/v1/acp": {
      get: {
        operationId: "listAcpServers",
        summary: "Lists the agent processes that clients opened.",
        tags,
        responses: { 200: json("The instances", object({ servers: array(ref("AcpServerInfo")) })) },
      },
    },
    "/v1/acp/{serverId}": {
      post: {
        operationId: "postAcp",
        summary: "Sends one JSON-RPC message to an agent; the first one starts it.",
        tags,
        parameters: [serverId, query("agent", text, "Agent id; needed by the first message.")],
        requestBody: jsonBody(ref("AcpEnvelope")),
        responses: {
          200: json("The agent's answer, an error of its included", ref("AcpEnvelope")),
          202: empty("A notification or an answer was forwarded"),
          ...problems({
            ...unresponsiveMount,
            400: "Not a JSON-RPC object, or no or an unknown agent",
            404: "The agent is not installed",
            406: "Accept excludes JSON",
            409: "The instance runs another agent, or there are too many",
            413: "The message is too large",
            415: "The body is not JSON",
            502: "The agent did not start",
          }),
        },
      },
      get: {
        operationId: "streamAcp",
        summary: "Streams what the agent says; resumes after Last-Event-ID.",
        tags,
        parameters: [
          serverId,
          { name: "last-event-id", in: "header", schema: { type: "integer", minimum: 0 } },
        ],
        responses: {
          200: events("Envelopes", ref("AcpEnvelope")),
          ...problems({
            400: "Last-Event-ID is not a number",
            404: "There is no such instance",
            406: "Accept excludes event streams",
          }),
        },
      },
      delete: {
        operationId: "deleteAcp",
        summary: "Ends an agent process; also for an unknown id.",
        tags,
        parameters: [serverId],
        responses: { 204: empty("Deleted") },
      },
    },
  },
  schemas: {
    AcpServerInfo: object({ serverId: text, agent: text, createdAtMs: { type: "integer" } }),
    AcpEnvelope: { type: "object", description: "A JSON-RPC 2.0 message.", additionalProperties: true },
  },
};

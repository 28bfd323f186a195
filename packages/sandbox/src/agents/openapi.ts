import {
  array,
  json,
  type OpenApiPart,
  object,
  pathParameter,
  problems,
  query,
  ref,
} from "../openapi/part.ts";

const tags = ["agents"];
const flag = { type: "boolean" };
const text = { type: "string" };

const questions = [
  query("config", flag, "Adds version, path and configuration options, which takes longer."),
  query("no_cache", flag, "Forgets what was found out before."),
];

export const agentsPart: OpenApiPart = {
  paths: {
    "/v1/agents": {
      get: {
        operationId: "listAgents",
        summary: "Lists the agents on offer.",
        tags,
        parameters: questions,
        responses: {
          200: json("The agents", object({ agents: array(ref("AgentInfo")) })),
          ...problems({ 400: "A query parameter is wrong" }),
        },
      },
    },
    "/v1/agents/{id}": {
      get: {
        operationId: "getAgent",
        summary: "Describes one agent.",
        tags,
        parameters: [pathParameter("id"), ...questions],
        responses: {
          200: json("The agent", ref("AgentInfo")),
          ...problems({ 400: "There is no such agent, or a query parameter is wrong" }),
        },
      },
    },
  },
  schemas: {
    AgentInfo: object(
      {
        id: text,
        installed: flag,
        credentialsAvailable: flag,
        capabilities: { type: "object", additionalProperties: flag },
        version: text,
        path: text,
        configOptions: array({}),
        configError: text,
        serverStatus: object(
          { status: { enum: ["running", "stopped"] }, uptimeMs: { type: "integer", minimum: 0 } },
          ["uptimeMs"],
        ),
      },
      ["version", "path", "configOptions", "configError", "serverStatus"],
    ),
  },
};

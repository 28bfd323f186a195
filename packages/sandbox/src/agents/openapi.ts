import {
  array,
  json,
  jsonBody,
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
  query("no_cache", flag, "Bypasses the cache. For one agent with `config`, starts it to read its options."),
];

/** Documentation of the agent routes. */
export const agentsPart: OpenApiPart = {
  paths: {
    "/v1/agents": {
      get: {
        operationId: "listAgents",
        summary: "Lists the available agents.",
        tags,
        parameters: questions,
        responses: {
          200: json("The agents", object({ agents: array(ref("AgentInfo")) })),
          ...problems({ 400: "A query parameter is invalid" }),
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
          ...problems({ 400: "Unknown agent or invalid query parameter" }),
        },
      },
    },
    "/v1/agents/{id}/install": {
      post: {
        operationId: "installAgent",
        summary: "Installs the pinned packages of an agent, or other versions of them.",
        tags,
        parameters: [pathParameter("id")],
        requestBody: jsonBody(ref("AgentInstallRequest")),
        responses: {
          200: json("The agent is installed", ref("AgentInstallResponse")),
          ...problems({
            400: "Unknown agent, inexact version, or a body that is not JSON",
            415: "The body is not application/json",
            422: "The body is malformed",
            500: "The installation failed; see details.stderr",
          }),
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
        configOptions: array(ref("AgentConfigOption")),
        configError: text,
        serverStatus: object(
          { status: { enum: ["running", "stopped"] }, uptimeMs: { type: "integer", minimum: 0 } },
          ["uptimeMs"],
        ),
      },
      ["version", "path", "configOptions", "configError", "serverStatus"],
    ),
    AgentConfigOption: object({
      id: text,
      name: text,
      category: { enum: ["model", "mode", "thought_level"] },
      type: { const: "select" },
      currentValue: text,
      options: array(object({ value: text, name: text })),
    }),
    AgentInstallRequest: object(
      {
        reinstall: { type: ["boolean", "null"] },
        agentVersion: { type: ["string", "null"] },
        agentProcessVersion: { type: ["string", "null"] },
      },
      ["reinstall", "agentVersion", "agentProcessVersion"],
    ),
    AgentInstallResponse: object({
      already_installed: flag,
      artifacts: array(
        object(
          {
            kind: { enum: ["native_agent", "agent_process"] },
            path: text,
            source: { enum: ["registry", "fallback", "local_path", "builtin"] },
            version: text,
          },
          ["version"],
        ),
      ),
    }),
  },
};

import {
  array,
  empty,
  json,
  jsonBody,
  type OpenApiPart,
  type OpenApiPath,
  object,
  problems,
  ref,
  requiredQueryParameter,
  unresponsiveMount,
} from "../openapi/part.ts";

const tags = ["configuration"];
const text = { type: "string" };
const flag = { type: "boolean" };
const texts = { type: "object", additionalProperties: text };
const milliseconds = { type: "integer", minimum: 0 };
const directory = requiredQueryParameter(
  "directory",
  "The directory; a relative one starts at that of the server, and ~ is HOME.",
);
const badQuery = { ...unresponsiveMount, 400: "A query parameter is missing, or the file is damaged" };

function entry(what: string, parameter: string, suffix: string, schema: string): OpenApiPath {
  const parameters = [directory, requiredQueryParameter(parameter)];
  return {
    get: {
      operationId: `get${suffix}`,
      summary: `The ${what} of that name in a directory.`,
      tags,
      parameters,
      responses: {
        200: json("The configuration", ref(schema)),
        ...problems({ ...badQuery, 404: "There is none of that name" }),
      },
    },
    put: {
      operationId: `set${suffix}`,
      summary: `Sets the ${what}; sessions that start from now on get it.`,
      tags,
      parameters,
      requestBody: jsonBody(ref(schema)),
      responses: {
        204: empty("It is stored"),
        ...problems({
          ...badQuery,
          413: "The body is too large",
          415: "The body is not application/json",
          422: "The body has another shape",
        }),
      },
    },
    delete: {
      operationId: `delete${suffix}`,
      summary: `Forgets the ${what}.`,
      tags,
      parameters,
      responses: { 204: empty("There is none of that name now"), ...problems(badQuery) },
    },
  };
}

function names(what: string, suffix: string): OpenApiPath {
  return {
    get: {
      operationId: `list${suffix}`,
      summary: `The names of all ${what} of a directory.`,
      tags,
      parameters: [directory],
      responses: { 200: json("The names, sorted", object({ names: array(text) })), ...problems(badQuery) },
    },
  };
}

export const configPart: OpenApiPart = {
  paths: {
    "/v1/config/mcp": entry("MCP server", "mcpName", "McpConfig", "McpServerConfig"),
    "/v1/config/mcp/names": names("MCP servers", "McpConfigNames"),
    "/v1/config/skills": entry("skills", "skillName", "SkillsConfig", "SkillsConfig"),
    "/v1/config/skills/names": names("skills", "SkillsConfigNames"),
  },
  schemas: {
    McpServerConfig: {
      oneOf: [
        object(
          {
            type: { enum: ["local", "stdio"] },
            command: { oneOf: [text, array(text)] },
            args: array(text),
            env: texts,
            cwd: text,
            enabled: flag,
            timeoutMs: milliseconds,
          },
          ["args", "env", "cwd", "enabled", "timeoutMs"],
        ),
        object(
          {
            type: { enum: ["remote", "http"] },
            url: { type: "string", format: "uri" },
            headers: texts,
            bearerTokenEnvVar: text,
            envHeaders: texts,
            oauth: { oneOf: [{ const: false }, { type: "object" }] },
            transport: { enum: ["http", "sse"] },
            enabled: flag,
            timeoutMs: milliseconds,
          },
          ["headers", "bearerTokenEnvVar", "envHeaders", "oauth", "transport", "enabled", "timeoutMs"],
        ),
      ],
    },
    SkillsConfig: object({ sources: array(ref("SkillSource")) }),
    SkillSource: object({ type: text, source: text, skills: array(text), ref: text, subpath: text }, [
      "skills",
      "ref",
      "subpath",
    ]),
  },
};

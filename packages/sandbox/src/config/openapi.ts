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
const stringMap = { type: "object", additionalProperties: text };
const milliseconds = { type: "integer", minimum: 0 };
const directory = requiredQueryParameter(
  "directory",
  "The directory. A relative one starts at the server's working directory; ~ is HOME.",
);
const badQuery = { ...unresponsiveMount, 400: "A query parameter is missing, or the file is malformed" };

function entryPath(what: string, parameter: string, suffix: string, schema: string): OpenApiPath {
  const parameters = [directory, requiredQueryParameter(parameter)];
  return {
    get: {
      operationId: `get${suffix}`,
      summary: `Returns the ${what} of this name in a directory.`,
      tags,
      parameters,
      responses: {
        200: json("The configuration", ref(schema)),
        ...problems({ ...badQuery, 404: "No entry of this name" }),
      },
    },
    put: {
      operationId: `set${suffix}`,
      summary: `Sets the ${what}. Sessions that start later use it.`,
      tags,
      parameters,
      requestBody: jsonBody(ref(schema)),
      responses: {
        204: empty("Stored"),
        ...problems({
          ...badQuery,
          413: "The body is too large",
          415: "The body is not application/json",
          422: "The body is malformed",
        }),
      },
    },
    delete: {
      operationId: `delete${suffix}`,
      summary: `Deletes the ${what}.`,
      tags,
      parameters,
      responses: { 204: empty("Deleted, or it did not exist"), ...problems(badQuery) },
    },
  };
}

function namesPath(what: string, suffix: string): OpenApiPath {
  return {
    get: {
      operationId: `list${suffix}`,
      summary: `Lists the names of the ${what} of a directory.`,
      tags,
      parameters: [directory],
      responses: { 200: json("The sorted names", object({ names: array(text) })), ...problems(badQuery) },
    },
  };
}

/** Documentation of the configuration routes. */
export const configPart: OpenApiPart = {
  paths: {
    "/v1/config/mcp": entryPath("MCP server", "mcpName", "McpConfig", "McpServerConfig"),
    "/v1/config/mcp/names": namesPath("MCP servers", "McpConfigNames"),
    "/v1/config/skills": entryPath("skills", "skillName", "SkillsConfig", "SkillsConfig"),
    "/v1/config/skills/names": namesPath("skills", "SkillsConfigNames"),
  },
  schemas: {
    McpServerConfig: {
      oneOf: [
        object(
          {
            type: { enum: ["local", "stdio"] },
            command: { oneOf: [text, array(text)] },
            args: array(text),
            env: stringMap,
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
            headers: stringMap,
            bearerTokenEnvVar: text,
            envHeaders: stringMap,
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

import { acpPart } from "../acp/openapi.ts";
import { agentsPart } from "../agents/openapi.ts";
import { configPart } from "../config/openapi.ts";
import { fsPart } from "../fs/openapi.ts";
import { httpPart } from "../http/openapi.ts";
import { opencodePart } from "../opencode/routes/openapi.ts";
import { processesPart } from "../processes/openapi.ts";
import { sessionsPart } from "../sessions/openapi.ts";
import type { JsonSchema, OpenApiOperation, OpenApiPart, OpenApiPath, OpenApiResponse } from "./part.ts";
import { problems } from "./part.ts";

/** Every part of the server; a route that is in none of them fails a test. */
const parts: readonly OpenApiPart[] = [
  httpPart,
  agentsPart,
  acpPart,
  configPart,
  fsPart,
  processesPart,
  sessionsPart,
  opencodePart,
];

export interface OpenApiDocument {
  readonly openapi: "3.1.0";
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string }[];
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly paths: Readonly<Record<string, OpenApiPath>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly securitySchemes: Readonly<Record<string, JsonSchema>>;
  };
}

/** The OpenAPI 3.1 document of the server. Throws where two parts claim one path or schema. */
export function openApiDocument(): OpenApiDocument {
  const paths: Record<string, OpenApiPath> = {};
  const schemas: Record<string, JsonSchema> = {};
  for (const part of parts) {
    for (const [path, item] of Object.entries(part.paths)) add(paths, path, withRefusals(item));
    for (const [name, schema] of Object.entries(part.schemas)) add(schemas, name, schema);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Holdfast Sandbox",
      version: "1",
      description: "Agents, sessions, files and processes beside a coding agent.",
    },
    servers: [{ url: "/" }],
    security: [{ bearer: [] }],
    paths,
    components: {
      schemas,
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description: "The token of the server; absent where it was started without one.",
        },
      },
    },
  };
}

function add<T>(all: Record<string, T>, name: string, value: T): void {
  if (Object.hasOwn(all, name)) throw new Error(`two parts of the document claim ${name}`);
  all[name] = value;
}

/** Adds the answers that the router gives for every route: a missing token, and what went wrong inside. */
function withRefusals(item: OpenApiPath): OpenApiPath {
  const entries = Object.entries(item).map(([method, operation]) => {
    if (operation.security?.length === 0) return [method, operation];
    const common: Record<string, OpenApiResponse> = problems({
      401: "The token is missing or wrong",
      403: "The Host, the Origin or the path is not allowed",
    });
    const complete: OpenApiOperation = {
      ...operation,
      responses: { ...common, ...operation.responses },
    };
    return [method, complete];
  });
  return Object.fromEntries(entries);
}

import { acpPart } from "../acp/openapi.ts";
import { agentsPart } from "../agents/openapi.ts";
import { configPart } from "../config/openapi.ts";
import { desktopPart } from "../desktop/openapi.ts";
import { fsPart } from "../fs/openapi.ts";
import { httpPart } from "../http/openapi.ts";
import { opencodePart } from "../opencode/routes/openapi.ts";
import { processesPart } from "../processes/openapi.ts";
import { sessionsPart } from "../sessions/openapi.ts";
import type { JsonSchema, OpenApiOperation, OpenApiPart, OpenApiPath, OpenApiResponse } from "./part.ts";
import { problems } from "./part.ts";

/** Parts of the document, one for each area. A test fails for a route that is missing here. */
const parts: readonly OpenApiPart[] = [
  httpPart,
  agentsPart,
  acpPart,
  configPart,
  fsPart,
  processesPart,
  desktopPart,
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

/** Builds the OpenAPI 3.1 document of the server. Throws when two parts define the same path or schema. */
export function openApiDocument(): OpenApiDocument {
  const paths: Record<string, OpenApiPath> = {};
  const schemas: Record<string, JsonSchema> = {};
  for (const part of parts) {
    for (const [path, item] of Object.entries(part.paths)) addUnique(paths, path, withCommonErrors(item));
    for (const [name, schema] of Object.entries(part.schemas)) addUnique(schemas, name, schema);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Holdfast Sandbox",
      version: "1",
      description: "Agents, sessions, files, processes and a desktop beside a coding agent.",
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
          description: "The token of the server. Not needed when the server was started without one.",
        },
      },
    },
  };
}

function addUnique<T>(all: Record<string, T>, name: string, value: T): void {
  if (Object.hasOwn(all, name)) throw new Error(`two parts of the OpenAPI document define ${name}`);
  all[name] = value;
}

/** Adds the errors that every guarded route can return. */
function withCommonErrors(item: OpenApiPath): OpenApiPath {
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

import { json, type OpenApiPart, object, problems } from "../openapi/part.ts";

const tags = ["server"];
const open = { security: [] };
const anyObject = { type: "object", additionalProperties: true };

/** Documentation of the routes about the server itself. */
export const httpPart: OpenApiPart = {
  paths: {
    "/": {
      get: {
        operationId: "getRoot",
        summary: "Name of the server and path of its OpenAPI document.",
        tags,
        ...open,
        responses: {
          200: json(
            "The server",
            object({ name: { type: "string" }, docs: { type: "string" }, openapi: { type: "string" } }),
          ),
        },
      },
    },
    "/ui": {
      get: {
        operationId: "getInspector",
        summary: "The inspector, for browsers. Its files and pages are below this path.",
        tags,
        ...open,
        responses: {
          200: { description: "The page", content: { "text/html": { schema: { type: "string" } } } },
          ...problems({ 503: "The inspector is not built" }),
        },
      },
    },
    "/v1/health": {
      get: {
        operationId: "getHealth",
        summary: "Health check.",
        tags,
        responses: { 200: json("It does", object({ status: { const: "ok" } })) },
      },
    },
    "/openapi.json": {
      get: {
        operationId: "getOpenApi",
        summary: "This document. Needs no token.",
        tags,
        ...open,
        responses: { 200: json("OpenAPI 3.1", anyObject) },
      },
    },
    "/v1/openapi.json": {
      get: {
        operationId: "getOpenApiV1",
        summary: "This document.",
        tags,
        responses: { 200: json("OpenAPI 3.1", anyObject) },
      },
    },
    "/metrics": {
      get: {
        operationId: "getMetrics",
        summary: "Metrics in the Prometheus text format.",
        tags,
        responses: {
          200: { description: "Metrics", content: { "text/plain": { schema: { type: "string" } } } },
        },
      },
    },
  },
  schemas: {
    Problem: {
      description: "RFC 9457 problem details. Extension members depend on the type.",
      ...object({
        type: { type: "string", description: "urn:sandbox-agent:error:… or urn:holdfast:error:…" },
        title: { type: "string" },
        status: { type: "integer" },
        detail: { type: "string" },
        group: { type: "string" },
        code: { type: "string" },
      }),
      additionalProperties: true,
    },
  },
};

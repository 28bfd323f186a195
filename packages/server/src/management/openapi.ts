import type { AnyDefinition } from "@holdfast/actors";
import { version } from "@holdfast/core";
import { anyValue, type JsonSchema, jsonSchemaOf, settleReferences } from "./json-schema.ts";
import { inspectorPaths, managementPaths, parameters, problem, ref } from "./openapi-management.ts";

type Definitions = ReadonlyMap<string, AnyDefinition>;
type RuntimeDefinition = AnyDefinition["~definition"];

/** The HTTP API of a registry as an OpenAPI 3.1 document: https://spec.openapis.org/oas/v3.1.1 */
export function openApi(definitions: Definitions): Record<string, unknown> {
  const paths: Record<string, unknown> = {};
  for (const [name, definition] of definitions) actorPaths(name, definition["~definition"], paths);
  return settleReferences({
    openapi: "3.1.0",
    info: {
      title: "Actors",
      version,
      description:
        'Values that JSON lacks are pairs that begin with a tag: ["$BigInt","1"], ["$Date",0], ' +
        '["$Uint8Array","base64"]. An actor is addressed by its id, or by "@" and the text of its key: ' +
        "each component percent-encoded and ended by a comma.",
    },
    tags: [
      ...[...definitions].map(([name, definition]) => ({
        name,
        ...(definition["~definition"].displayName === undefined
          ? {}
          : { description: definition["~definition"].displayName }),
      })),
      { name: "management", description: "Sets of actors, and the server itself" },
      { name: "inspector", description: "One actor from inside" },
    ],
    paths: { ...paths, ...managementPaths(), ...inspectorPaths() },
    components: {
      parameters,
      responses: { problem },
      schemas: {
        Actor: actorSchema,
        Problem: problemSchema,
      },
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
    },
  });
}

const actorSchema: JsonSchema = {
  type: "object",
  required: ["id", "name", "key"],
  properties: {
    id: { type: "string" },
    name: { type: "string" },
    key: { type: "array", items: { type: "string" } },
    status: { enum: ["running", "sleeping"] },
    createdAt: { type: "integer" },
    wakeAt: { type: "integer" },
  },
};

const problemSchema: JsonSchema = {
  type: "object",
  required: ["status", "detail", "group", "code"],
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    group: { type: "string" },
    code: { type: "string" },
    metadata: anyValue,
  },
};

function actorPaths(name: string, definition: RuntimeDefinition, paths: Record<string, unknown>): void {
  const base = `/actors/${encodeURIComponent(name)}/{actor}`;
  const operation = (id: string, summary: string, rest: object) => ({
    tags: [name],
    operationId: `${name}.${id}`,
    summary,
    ...rest,
  });
  const input = json({ type: "object", properties: { input: anyValue } });
  const actor = { description: "The actor", ...json(ref("Actor")) };
  const errors = { default: { $ref: "#/components/responses/problem" } };
  paths[base] = {
    parameters: [{ $ref: "#/components/parameters/actor" }],
    get: operation("get", "The id of an actor; does not wake it", { responses: { 200: actor, ...errors } }),
    put: operation("getOrCreate", "Gets an actor, or makes it", {
      requestBody: input,
      responses: { 200: actor, ...errors },
    }),
    post: operation("create", "Makes an actor", { requestBody: input, responses: { 201: actor, ...errors } }),
    delete: operation("destroy", "Ends an actor and its data", {
      security: [{ token: [] }],
      responses: { 204: { description: "Destroyed" }, ...errors },
    }),
  };
  paths[`${base}/calls/{idempotencyKey}`] = {
    parameters: [
      { $ref: "#/components/parameters/actor" },
      { name: "idempotencyKey", in: "path", required: true, schema: { type: "string" } },
    ],
    delete: operation("cancel", "Cancels a call that runs", {
      responses: { 204: { description: "It is cancelled, or had ended" }, ...errors },
    }),
  };
  paths[`${base}/events`] = {
    parameters: [{ $ref: "#/components/parameters/actor" }],
    get: operation("events", "Events as they come, as server-sent events", {
      parameters: [
        {
          name: "event",
          in: "query",
          description: "The events to hear of; repeated",
          schema: { type: "array", items: { type: "string" } },
        },
      ],
      responses: {
        200: { description: "Events", content: { "text/event-stream": { schema: { type: "string" } } } },
        ...errors,
      },
    }),
  };
  for (const action of definition.actions.keys()) {
    paths[`${base}/actions/${encodeURIComponent(action)}`] = {
      parameters: [{ $ref: "#/components/parameters/actor" }],
      post: operation(`actions.${action}`, `Calls ${action}`, {
        parameters: [
          { $ref: "#/components/parameters/idempotencyKey" },
          { $ref: "#/components/parameters/create" },
        ],
        requestBody: json({ type: "object", properties: { args: argumentsOf(definition, action) } }),
        responses: {
          200: { description: "Result", ...json(outputOf(definition, action)) },
          ...errors,
        },
      }),
    };
  }
  for (const [queue, options] of definition.queues) {
    paths[`${base}/queues/${encodeURIComponent(queue)}`] = {
      parameters: [{ $ref: "#/components/parameters/actor" }],
      post: operation(`queues.${queue}`, `Sends a message to ${queue}`, {
        requestBody: json({
          type: "object",
          properties: {
            body: jsonSchemaOf(options.message, "input"),
            wait: { type: "boolean" },
            timeout: { type: "integer", description: "Milliseconds" },
            delayMs: { type: "integer" },
            priority: { type: "integer" },
            ttlMs: { type: "integer" },
            dedupeKey: { type: "string" },
          },
        }),
        responses: {
          200: {
            description: "What became of it",
            ...json({
              type: "object",
              required: ["status"],
              properties: {
                status: { enum: ["completed", "timedOut"] },
                response: jsonSchemaOf(options.complete, "output"),
              },
            }),
          },
          ...errors,
        },
      }),
    };
  }
}

/** Schema of the array of arguments: `actionInputSchemas` describe all of it, `action({ input })` its first element. */
function argumentsOf(definition: RuntimeDefinition, action: string): JsonSchema {
  const rule = definition.actionRules.get(action);
  if (rule?.input !== undefined) {
    return { type: "array", prefixItems: [jsonSchemaOf(rule.input, "input")], maxItems: 1 };
  }
  const schema = jsonSchemaOf(definition.actionInputSchemas.get(action) ?? rule?.args, "input");
  const isKnown = "type" in schema || "prefixItems" in schema || "$ref" in schema;
  return isKnown ? schema : { type: "array", items: anyValue };
}

function outputOf(definition: RuntimeDefinition, action: string): JsonSchema {
  const output = jsonSchemaOf(definition.actionRules.get(action)?.output, "output");
  return { type: "object", properties: { output } };
}

function json(schema: JsonSchema): { readonly content: Readonly<Record<string, unknown>> } {
  return { content: { "application/json": { schema } } };
}

import { anyValue, type JsonSchema } from "./json-schema.ts";

export function ref(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

const text: JsonSchema = { type: "string" };
const whole: JsonSchema = { type: "integer" };
const boolean: JsonSchema = { type: "boolean" };

export const parameters = {
  actor: {
    name: "actor",
    in: "path",
    required: true,
    description:
      'An id, or "@" and the text of a key: "@a,b,"; with "~" the actor is created if it does not exist',
    schema: text,
  },
  name: { name: "name", in: "path", required: true, schema: text },
  idempotencyKey: {
    name: "idempotency-key",
    in: "header",
    description: "Two calls with one key run once",
    schema: { type: "string", minLength: 1, maxLength: 128 },
  },
  create: {
    name: "create",
    in: "query",
    description: "Creates the actor, without input, if it does not exist",
    schema: boolean,
  },
};

export const problem = {
  description: "An error, as problem details (RFC 9457)",
  content: { "application/problem+json": { schema: ref("Problem") } },
};

const owner = [{ token: [] }];
const errors = { default: { $ref: "#/components/responses/problem" } };

interface Operation {
  readonly summary: string;
  readonly query?: Readonly<Record<string, JsonSchema>>;
  readonly body?: JsonSchema;
  readonly answer?: JsonSchema;
  readonly status?: 200 | 201 | 204;
  /** Encoding to use instead of JSON. */
  readonly contentType?: string;
}

function operation(tag: string, id: string, spec: Operation): Record<string, unknown> {
  const { summary, query = {}, body, answer, status = 200, contentType = "application/json" } = spec;
  const content = status === 204 ? {} : { content: { [contentType]: { schema: answer ?? anyValue } } };
  return {
    tags: [tag],
    operationId: `${tag}.${id}`,
    summary,
    security: owner,
    parameters: Object.entries(query).map(([name, schema]) => ({ name, in: "query", schema })),
    ...(body === undefined ? {} : { requestBody: { content: { "application/json": { schema: body } } } }),
    responses: { [status]: { description: summary, ...content }, ...errors },
  };
}

function object(properties: Readonly<Record<string, JsonSchema>>, ...required: string[]): JsonSchema {
  return { type: "object", ...(required.length === 0 ? {} : { required }), properties };
}

function list(items: JsonSchema): JsonSchema {
  return { type: "array", items };
}

const filter = {
  name: text,
  prefix: text,
  keyPrefix: text,
  status: { enum: ["running", "sleeping"] },
  createdAfter: whole,
};
const page = { limit: { type: "integer", minimum: 1, maximum: 1_000 }, cursor: text };

export function managementPaths(): Record<string, unknown> {
  const one = (id: string, spec: Operation) => operation("management", id, spec);
  const actor = [{ $ref: "#/components/parameters/name" }, { $ref: "#/components/parameters/actor" }];
  const actors = object({ actors: list(ref("Actor")), cursor: text, unanswered: list(text) }, "actors");
  const destroyed = object({ destroyed: whole, failed: list(anyValue), more: boolean });
  return {
    "/actors": {
      get: one("list", {
        summary: "A page of actors",
        query: { ...filter, ...page, id: text },
        answer: actors,
      }),
      delete: one("destroyMany", {
        summary: "Ends all actors that fit",
        query: { ...filter, limit: page.limit },
        answer: destroyed,
      }),
    },
    "/actors/count": {
      get: one("count", {
        summary: "How many fit",
        query: filter,
        answer: object({ count: whole, unanswered: list(text) }),
      }),
    },
    "/actors/names": {
      get: one("names", { summary: "Registered actors, with their actions, events and queues" }),
    },
    "/actors/import": {
      post: one("import", {
        summary: "Makes an actor of a file",
        query: { name: text, key: text },
        status: 201,
      }),
    },
    "/actors/{name}/{actor}/status": {
      parameters: actor,
      get: one("status", { summary: "Describes the actor without waking it", answer: ref("Actor") }),
    },
    "/actors/{name}/{actor}/sleep": {
      parameters: actor,
      post: one("sleep", { summary: "Puts it to sleep", status: 204 }),
    },
    "/actors/{name}/{actor}/reload": {
      parameters: actor,
      put: one("reload", { summary: "Restarts the actor", status: 204 }),
    },
    "/actors/{name}/{actor}/fork": {
      parameters: actor,
      post: one("fork", {
        summary: "Makes an actor of another, as it is or was",
        body: object({ key: anyValue, name: text, at: whole }, "key"),
        answer: ref("Actor"),
        status: 201,
      }),
    },
    "/actors/{name}/{actor}/export": {
      parameters: actor,
      get: one("export", {
        summary: "Exports the actor as one file",
        contentType: "application/octet-stream",
      }),
    },
    "/health": { get: one("health", { summary: "Whether the server answers" }) },
    "/metadata": { get: one("metadata", { summary: "Runtime, version and names of actors" }) },
    "/profile/cpu": {
      get: one("profileCpu", {
        summary: "Where the process spends CPU time: a .cpuprofile",
        query: { seconds: whole },
      }),
    },
    "/profile/heap": {
      get: one("profileHeap", { summary: "All objects in memory of the process: a .heapsnapshot" }),
    },
    "/metrics": {
      get: one("metrics", { summary: "Measurements for Prometheus", contentType: "text/plain" }),
    },
  };
}

const limit = { limit: whole };
const ok = object({ ok: boolean }, "ok");

/** Below `/actors/{name}/{actor}/inspector`: method and path, then the summary. */
const inspector: readonly (readonly [method: string, path: string, spec: Operation])[] = [
  ["get", "/summary", { summary: "Summary of the actor" }],
  ["get", "/state", { summary: "The state", answer: object({ state: anyValue, isStateEnabled: boolean }) }],
  [
    "patch",
    "/state",
    { summary: "Replaces the state", body: object({ state: anyValue }, "state"), answer: ok },
  ],
  ["get", "/connections", { summary: "Connections" }],
  ["delete", "/connections/{id}", { summary: "Disconnects", answer: ok }],
  ["get", "/rpcs", { summary: "Names of actions", answer: object({ rpcs: list(text) }) }],
  [
    "post",
    "/action/{action}",
    {
      summary: "Calls an action",
      body: object({ args: list(anyValue), properties: { type: "object" } }),
      answer: object({ output: anyValue }),
    },
  ],
  ["get", "/queue", { summary: "Messages", query: limit }],
  [
    "post",
    "/queue",
    { summary: "Sends a message", body: object({ name: text, body: anyValue, options: anyValue }, "name") },
  ],
  ["delete", "/queue", { summary: "Deletes what waits" }],
  ["delete", "/queue/{id}", { summary: "Deletes a message", answer: ok }],
  ["get", "/queue/dead-letters", { summary: "Dead letters", query: limit }],
  ["post", "/queue/dead-letters/{id}/retry", { summary: "Puts a dead letter back", answer: ok }],
  ["delete", "/queue/dead-letters/{id}", { summary: "Deletes a dead letter", answer: ok }],
  ["get", "/schedules", { summary: "Schedules" }],
  ["get", "/schedules/{id}/history", { summary: "History of a recurring schedule", query: limit }],
  ["delete", "/schedules/{id}", { summary: "Deletes a schedule", answer: ok }],
  ["post", "/schedules/{id}/run", { summary: "Runs a recurring schedule now", answer: ok }],
  ["post", "/schedules/{id}/pause", { summary: "Pauses a recurring schedule", answer: ok }],
  ["post", "/schedules/{id}/resume", { summary: "Resumes a recurring schedule", answer: ok }],
  ["post", "/schedules/{id}/retry", { summary: "Retries a dead letter", answer: ok }],
  ["get", "/workflow-history", { summary: "History of the workflow" }],
  ["post", "/workflow/replay", { summary: "Runs it again", body: object({ entryId: text }) }],
  ["post", "/workflow/cancel", { summary: "Cancels it", body: object({ reason: text }), answer: ok }],
  ["get", "/database/schema", { summary: "Tables" }],
  [
    "get",
    "/database/rows",
    { summary: "Rows of a table", query: { table: text, limit: whole, offset: whole } },
  ],
  [
    "post",
    "/database/execute",
    {
      summary: "Runs SQL",
      body: object(
        { sql: text, args: list(anyValue), properties: { type: "object" }, readOnly: boolean },
        "sql",
      ),
    },
  ],
  ["get", "/kv", { summary: "Entries", query: { prefix: text, cursor: text, reverse: boolean, ...limit } }],
  ["get", "/kv/{id}", { summary: "An entry" }],
  ["put", "/kv/{id}", { summary: "Writes an entry", body: object({ text, value: anyValue }), answer: ok }],
  ["delete", "/kv/{id}", { summary: "Deletes an entry", answer: ok }],
  ["get", "/traces", { summary: "Recent activity", query: { startMs: whole, endMs: whole, ...limit } }],
  ["get", "/logs", { summary: "The last records of its log", query: { after: whole, ...limit } }],
  ["get", "/history/at", { summary: "The state as it was", query: { time: whole } }],
  ["get", "/tabs", { summary: "Tabs of its inspector" }],
  ["get", "/token", { summary: "The token of its inspector", answer: object({ token: text }) }],
];

export function inspectorPaths(): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [method, path, spec] of inspector) {
    const own = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
      name,
      in: "path",
      required: true,
      schema: text,
    }));
    const full = `/actors/{name}/{actor}/inspector${path}`;
    paths[full] ??= {
      parameters: [
        { $ref: "#/components/parameters/name" },
        { $ref: "#/components/parameters/actor" },
        ...own,
      ],
    };
    const id = `${method}${path.replaceAll(/[{}]/g, "").replaceAll("/", ".")}`;
    paths[full][method] = operation("inspector", id, spec);
  }
  return paths;
}

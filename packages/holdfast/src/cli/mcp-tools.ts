import { actorPathOf, type ManagementClient } from "./management-client.ts";
import { fromJsonValue } from "./mcp-values.ts";

export type Arguments = Readonly<Record<string, unknown>>;

/** The arguments of a call do not match the schema of the tool. */
export class InvalidArguments extends Error {}

export interface McpTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: {
    readonly type: "object";
    readonly properties: Readonly<Record<string, object>>;
    readonly required?: string[];
    readonly additionalProperties: false;
  };
  /** True if the tool changes something, or runs code that may. */
  readonly writes: boolean;
  readonly destructive?: boolean;
  run(client: ManagementClient, args: Arguments): Promise<unknown>;
}

const actor = {
  type: "string",
  description: "NAME/ID, or NAME/KEY with slashes between the parts of the key, as list_actors shows them",
};
const anyValue = { description: "Any JSON value" };
const limit = { type: "integer", minimum: 1, maximum: 1_000 };

function schema(properties: Readonly<Record<string, object>>, ...required: string[]): McpTool["inputSchema"] {
  return {
    type: "object",
    properties,
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}

/** Creates a tool that reads from the inspector of one actor. */
function reads(
  name: string,
  description: string,
  path: (args: Arguments) => string,
  properties: Readonly<Record<string, object>> = {},
  ...required: string[]
): McpTool {
  return {
    name,
    description,
    inputSchema: schema({ actor, ...properties }, "actor", ...required),
    writes: false,
    run: (client, args) => client.ask("GET", inspector(args) + path(args)),
  };
}

function changes(
  name: string,
  description: string,
  request: (args: Arguments) => { readonly method: string; readonly path: string; readonly body?: unknown },
  properties: Readonly<Record<string, object>> = {},
  ...required: string[]
): McpTool {
  return {
    name,
    description,
    inputSchema: schema({ actor, ...properties }, "actor", ...required),
    writes: true,
    run: (client, args) => {
      const { method, path, body } = request(args);
      return client.ask(method, inspector(args) + path, body);
    },
  };
}

export const mcpTools: readonly McpTool[] = [
  {
    name: "list_actors",
    description:
      "Lists actors, a page at a time: id, name, key, status (running or sleeping) and creation time",
    inputSchema: schema({
      name: { type: "string", description: "Only actors with this name" },
      prefix: { type: "string", description: "Prefix of the first part of the key" },
      status: { enum: ["running", "sleeping"] },
      limit,
      cursor: { type: "string", description: "The cursor of the previous page" },
    }),
    writes: false,
    run: (client, args) =>
      client.ask("GET", `/actors?${queryOf(args, ["name", "prefix", "status", "limit", "cursor"])}`),
  },
  {
    name: "list_actor_names",
    description: "Lists the kinds of actors of this server, with their actions, events and queues",
    inputSchema: schema({}),
    writes: false,
    run: (client) => client.ask("GET", "/actors/names"),
  },
  reads("get_actor", "Returns everything about one actor", () => "/summary"),
  reads("read_state", "Returns the state of an actor", () => "/state"),
  reads("list_connections", "Lists the connections of an actor", () => "/connections"),
  reads(
    "list_queue",
    "Lists the messages in the queues of an actor",
    (args) => `/queue?${queryOf(args, ["limit"])}`,
    {
      limit,
    },
  ),
  reads(
    "list_dead_letters",
    "Lists the dead letters of an actor: messages that were given up",
    () => "/queue/dead-letters",
  ),
  reads(
    "list_schedules",
    "Lists the schedules of an actor, with those that were given up",
    () => "/schedules",
  ),
  reads(
    "schedule_history",
    "Lists the results of the last runs of a recurring schedule",
    (args) => `/schedules/${encodeURIComponent(text(args, "name"))}/history?${queryOf(args, ["limit"])}`,
    { name: { type: "string" }, limit },
    "name",
  ),
  reads("workflow_history", "Lists the entries of an actor's workflow", () => "/workflow-history"),
  reads("database_schema", "Lists the tables of an actor's SQLite database", () => "/database/schema"),
  {
    name: "query_sql",
    description: "Runs one read-only SQL statement in an actor's SQLite database",
    inputSchema: schema({ actor, sql: { type: "string" }, args: { type: "array" } }, "actor", "sql"),
    writes: false,
    run: (client, args) =>
      client.ask("POST", `${inspector(args)}/database/execute`, {
        sql: text(args, "sql"),
        args: list(args, "args"),
        readOnly: true,
      }),
  },
  reads(
    "list_kv",
    "Lists the key-value entries of an actor",
    (args) => `/kv?${queryOf(args, ["prefix", "limit", "cursor"])}`,
    { prefix: { type: "string" }, limit, cursor: { type: "string" } },
  ),
  reads(
    "tail_logs",
    "Lists the last records of an actor's log. To continue, pass `last` of the previous result as `after`",
    (args) => `/logs?${queryOf(args, ["after", "limit"])}`,
    { after: { type: "integer", minimum: 0 }, limit: { type: "integer", minimum: 1, maximum: 200 } },
  ),
  reads(
    "tail_events",
    "Lists what an actor did recently (calls, wakes, stops) with times and errors, newest first",
    (args) => `/traces?${queryOf(args, ["startMs", "limit"])}`,
    { startMs: { type: "integer", description: "Milliseconds since the epoch" }, limit },
  ),
  reads(
    "state_at",
    "Returns the state of an actor at an earlier time",
    (args) => `/history/at?time=${number(args, "time")}`,
    { time: { type: "integer", description: "Milliseconds since the epoch" } },
    "time",
  ),
  changes(
    "call_action",
    "Calls an action of an actor",
    (args) => ({
      method: "POST",
      path: `/action/${encodeURIComponent(text(args, "action"))}`,
      body: { args: list(args, "args") },
    }),
    { action: { type: "string" }, args: { type: "array", description: "Its arguments" } },
    "action",
  ),
  changes(
    "write_state",
    "Replaces the state of an actor",
    (args) => ({ method: "PATCH", path: "/state", body: { state: given(args, "state") } }),
    { state: anyValue },
    "state",
  ),
  changes(
    "send_message",
    "Sends a message to a queue of an actor",
    (args) => ({
      method: "POST",
      path: "/queue",
      body: { name: text(args, "queue"), body: given(args, "body") },
    }),
    { queue: { type: "string" }, body: anyValue },
    "queue",
    "body",
  ),
  changes(
    "retry_dead_letter",
    "Puts a dead letter back into its queue",
    (args) => ({ method: "POST", path: `/queue/dead-letters/${number(args, "id")}/retry` }),
    { id: { type: "integer" } },
    "id",
  ),
  changes(
    "run_schedule",
    "Runs a schedule now",
    (args) => ({ method: "POST", path: `/schedules/${encodeURIComponent(text(args, "name"))}/run` }),
    {
      name: { type: "string", description: "The name of a recurring schedule, or the id of a one-time one" },
    },
    "name",
  ),
  changes(
    "replay_workflow",
    "Runs a finished workflow again, from an entry or from the beginning",
    (args) => ({
      method: "POST",
      path: "/workflow/replay",
      body: args["entryId"] === undefined ? {} : { entryId: text(args, "entryId") },
    }),
    { entryId: { type: "string" } },
  ),
  changes("cancel_workflow", "Cancels the workflow of an actor", () => ({
    method: "POST",
    path: "/workflow/cancel",
    body: {},
  })),
  {
    ...changes(
      "execute_sql",
      "Runs SQL in an actor's SQLite database, including statements that write",
      (args) => ({
        method: "POST",
        path: "/database/execute",
        body: { sql: text(args, "sql"), args: list(args, "args") },
      }),
      { sql: { type: "string" }, args: { type: "array" } },
      "sql",
    ),
    destructive: true,
  },
  {
    name: "sleep_actor",
    description: "Puts an actor to sleep; the next call wakes it",
    inputSchema: schema({ actor }, "actor"),
    writes: true,
    run: async (client, args) => {
      await client.ask("POST", `${pathOf(args)}/sleep`);
      return { ok: true };
    },
  },
  {
    name: "destroy_actor",
    description: "Destroys an actor and all its data. This cannot be undone",
    inputSchema: schema({ actor }, "actor"),
    writes: true,
    destructive: true,
    run: async (client, args) => {
      await client.ask("DELETE", pathOf(args));
      return { ok: true };
    },
  },
];

function pathOf(args: Arguments): string {
  const path = actorPathOf(text(args, "actor"));
  if (path !== undefined) return path;
  throw new InvalidArguments("`actor` is not NAME/ID or NAME/KEY");
}

function inspector(args: Arguments): string {
  return `${pathOf(args)}/inspector`;
}

function text(args: Arguments, name: string): string {
  const value = args[name];
  if (typeof value === "string" && value !== "") return value;
  throw new InvalidArguments(`\`${name}\` must be a non-empty string`);
}

function number(args: Arguments, name: string): number {
  const value = args[name];
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  throw new InvalidArguments(`\`${name}\` must be an integer`);
}

function list(args: Arguments, name: string): readonly unknown[] {
  const value = args[name] ?? [];
  if (Array.isArray(value)) return value.map(fromJsonValue);
  throw new InvalidArguments(`\`${name}\` must be an array`);
}

function given(args: Arguments, name: string): unknown {
  if (name in args) return fromJsonValue(args[name]);
  throw new InvalidArguments(`\`${name}\` is missing`);
}

function queryOf(args: Arguments, names: readonly string[]): string {
  const query = new URLSearchParams();
  for (const name of names) {
    const value = args[name];
    if (typeof value === "string" || typeof value === "number") query.set(name, String(value));
    else if (value !== undefined) throw new InvalidArguments(`\`${name}\` must be a string or a number`);
  }
  return query.toString();
}

/** Types by the names of the peer, with its parameters, and what definitions and registries tell of themselves. */
import assert from "node:assert/strict";
import {
  type ActionContextOf,
  type ActorConfigInput,
  type ActorContext,
  type ActorCron,
  type ActorInspectorConfig,
  type ActorKv,
  type ActorOptionsInput,
  type ActorQueue,
  type ActorTypes,
  type AnyActorDefinition,
  type AnyClient,
  type AnyConn,
  type AnyStaticActorDefinition,
  actor,
  type BaseActorDefinition,
  type Conn,
  type CreateContext,
  type CronJobInfo,
  defineRunHandler,
  type EventSchemaConfig,
  event,
  type FetchHandler,
  type GlobalActorOptionsInput,
  type InferEventArgs,
  type InferSchemaMap,
  type InstanceActorOptionsInput,
  type QueueEnqueueAndWaitOptions,
  type QueueFilterName,
  type QueueIterOptions,
  type QueueMessageOf,
  type QueueName,
  type QueueResultMessageForName,
  type QueueSchemaConfig,
  type QueueTryNextBatchOptions,
  type QueueWaitOptions,
  queue,
  Registry,
  type RegistryConfig,
  type RegistryConfigInput,
  type RegistryRoutes,
  type RunConfig,
  type RunContext,
  type ServerlessHandler,
  setup,
  type Type,
} from "rivetkit";
import { type CreateRequest, createClient, type Region } from "rivetkit/client";
import { getLogger, type Logger } from "rivetkit/log";

const events = { moved: event<{ x: number }>(), pair: event<[name: string, count: number]>() };
const queues = { jobs: queue<{ id: string }, { ok: boolean }>(), notes: queue<string>() };
type Events = typeof events;
type Queues = typeof queues;

interface State {
  n: number;
}
type Context = ActorContext<
  State,
  { token: string },
  { user: string },
  { cache: Map<string, number> },
  { seed: number },
  undefined,
  Events,
  Queues
>;

export function withContext(c: Context): number {
  c.vars.cache.set("n", c.state.n);
  for (const conn of c.conns.values()) conn.send("moved", { x: conn.params.token.length });
  c.broadcast("pair", "a", 1);
  return c.state.n;
}

export async function withQueue(q: ActorQueue<Queues>): Promise<void> {
  await q.complete({ id: 1n, name: "jobs" }, { ok: true });
  for await (const message of q.iter({ names: ["jobs"], completable: true })) {
    await message.complete({ ok: true });
  }
}

export async function withStorage(kv: ActorKv, cron: ActorCron): Promise<CronJobInfo | undefined> {
  const bytes: Uint8Array | null = await kv.get("key", { type: "binary" });
  if (bytes === null) await kv.put("key", new Uint8Array(1), { type: "binary" });
  return cron.get("job");
}

export function anyDefinition<D extends AnyActorDefinition>(
  use: (c: ActionContextOf<D>) => void,
): typeof use {
  return use;
}

export function anyConnection(conn: AnyConn, client: AnyClient): void {
  conn.send("hello", 1, 2);
  void client.dispose();
}

export function create(c: CreateContext<State, { seed: number }, undefined>): void {
  c.state.n = 1;
}

export function completed(message: QueueResultMessageForName<Queues, "jobs", true>): Promise<void> {
  return message.complete({ ok: true });
}

export const message: QueueMessageOf<"jobs", { id: string }> = {
  id: 1,
  name: "jobs",
  body: { id: "a" },
  createdAt: 0,
};
export const iteration: QueueIterOptions<"jobs", true> = { names: ["jobs"], completable: true };
export const batch: QueueTryNextBatchOptions<"jobs"> = { names: ["jobs"], count: 2 };
export const wait: QueueWaitOptions<false> = { timeout: 1 };
export const enqueue: QueueEnqueueAndWaitOptions = { timeout: 1 };
export const name: QueueName<Queues> = "notes";
export const filter: QueueFilterName<Record<never, never>> = "any";
export const payload: InferSchemaMap<Events>["moved"] = { x: 1 };
export const body: InferSchemaMap<Queues>["notes"] = "text";
export const pair: InferEventArgs<[name: string, count: number]> = ["a", 1];
export const one: InferEventArgs<{ x: number }> = [{ x: 1 }];
export const list: InferEventArgs<string[]> = [["a"]];
export const token: Type<string> = event<string>();
export const allEvents: EventSchemaConfig<unknown> = events;
export const allQueues: QueueSchemaConfig<unknown> = queues;
export const options: ActorOptionsInput = { sleepTimeout: 1, name: undefined };
export const shown: GlobalActorOptionsInput = { name: "a", canHibernateWebSocket: true };
export const timed: InstanceActorOptionsInput = { actionTimeout: 1 };
export const inspector: ActorInspectorConfig = {
  tabs: [
    { id: "x", label: "X", source: "tab", icon: undefined },
    { id: "workflow", hidden: true },
  ],
};
export const types: ActorTypes<State, undefined, undefined, undefined, undefined, undefined> = {
  state: { n: 1 },
};
export const typedRun: RunConfig<State, undefined, undefined, undefined, undefined, undefined> = {
  name: "runner",
  run: async (c) => {
    c.state.n += 1;
  },
};
export const untypedRun: RunConfig = { run: async (c) => c.log.info("runs") };
export const request: CreateRequest = { name: "room", key: ["a"] };
export const region: Region = { id: "a", name: "A" };
export const handler: FetchHandler = (asked, environment: unknown) =>
  new Response(`${asked.url} ${String(environment)}`);
export const serverless: ServerlessHandler = { fetch: handler };
export const config: ActorConfigInput<State> = { state: { n: 1 } };

/** A definition made from a configuration that somebody else gives. */
export function made<S>(
  given: ActorConfigInput<S, undefined, undefined, undefined, undefined, undefined>,
): AnyActorDefinition {
  return actor(given);
}

const work = async (c: RunContext<State, unknown, unknown, unknown, unknown, undefined>): Promise<void> => {
  c.state.n += 10;
};

const room = actor({
  state: { n: 0 },
  options: { actionTimeout: 1_000, maxSchedules: undefined },
  run: defineRunHandler(work, { name: "Work", icon: "🔨" }),
  actions: { n: (c) => c.state.n },
});

const worker = actor({
  queues,
  actions: {
    completeById: async (c) => {
      const sent = await c.queue.send("notes", "text");
      await c.queue.complete({ id: BigInt(sent.id), name: "notes" });
      return (await c.queue.tryNext()) === undefined;
    },
  },
});

export const definition: BaseActorDefinition<
  State,
  unknown,
  unknown,
  unknown,
  unknown,
  undefined
>["config"]["options"]["sleepTimeout"] = 1;
export const anyOne: AnyStaticActorDefinition = room;

const input: RegistryConfigInput<{ room: typeof room; worker: typeof worker }> = {
  use: { room, worker },
  noWelcome: true,
  startServices: false,
  endpoint: undefined,
  httpPort: undefined,
  envoy: { envoyKey: undefined },
};
export const registry = setup(input);

export async function program(endpoint: string): Promise<void> {
  assert.equal(defineRunHandler(work, { name: "Work" }), work, "the function itself");
  assert.equal(room.config.options.actionTimeout, 1_000);
  assert.equal(room.config.options.maxSchedules, 1_000);
  assert.equal(room.config.options.sleepTimeout, 30_000);
  assert.equal(room.config.options.canHibernateWebSocket, false);
  assert.deepEqual(Object.keys(room.config.actions ?? {}), ["n"]);
  assert.deepEqual(actor({ state: 1 }).config.actions, {});
  assert.equal(registry.config, input);

  const second: Registry<{ room: typeof room }> = new Registry({ use: { room } });
  assert.equal(second.config.use.room, room);
  const parsed: RegistryConfig = second.parseConfig();
  assert.equal(parsed.maxIncomingMessageSize + parsed.httpBasePath.length, 65_537);
  const routes: RegistryRoutes = registry.routes;
  assert.equal((await routes.health().then((response) => response.json())).status, "ok");
  const metadata = await registry.serve().fetch(new Request("http://here/metadata"), { KEY: 1 }, "context");
  assert.equal(metadata.status, 200);

  const logger: Logger = getLogger("declared-types");
  logger.debug({ fields: "first" }, "message second");
  logger.child({ bound: true }).trace("message");

  const client = createClient<typeof registry>({
    endpoint,
    token: undefined,
    gateway: { skipReadyWait: undefined },
  });
  const handle = client.room.getOrCreate(["a"]);
  assert.equal(await client.worker.getOrCreate(["a"]).completeById(), true);
  assert.equal(await handle.action<[], number>({ name: "n", args: [], skipReadyWait: true }), 10);
  await client.dispose();
}

export type StateOf = Conn<unknown, { token: string }, { user: string }>["state"]["user"];

import assert from "node:assert/strict";
import { test } from "node:test";
import { type ActorCaller, type ActorInstance, actor, createInstance, type SendCall } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import { call, controlledStore, outcome, testPorts, turn } from "./harness.ts";
import { code, codeOf } from "./queue-support.ts";

/** `c.client()` of these tests: access to the outbox without a registry. */
interface Post {
  post(body: unknown, key?: string): Promise<void>;
}

const sender = actor({
  options: { sleepTimeout: Number.POSITIVE_INFINITY },
  state: { sent: 0 },
  actions: {
    post: async (c, body: unknown, key?: string) => {
      c.state.sent++;
      await (c.client() as unknown as Post).post(body, key);
    },
    postAndGo: (c, body: unknown) => {
      void (c.client() as unknown as Post).post(body).catch(() => {});
      c.state.sent++;
    },
    postInVain: async (c) =>
      c
        .transaction(async () => {
          void (c.client() as unknown as Post).post("never").catch(() => {});
          throw new Error("back");
        })
        .catch((error: Error) => error.message),
    undoneBeside: async (c, arrival: PromiseWithResolvers<void>) =>
      c
        .transaction(async () => {
          arrival.resolve();
          await turn();
          throw new Error("back");
        })
        .catch((error: Error) => error.message),
    caught: async (c, body: unknown) => (c.client() as unknown as Post).post(body).catch(codeOf),
    sent: (c) => c.state.sent,
  },
});

/** A host whose deliveries end as the test decides. */
function office(answer: (body: unknown, attempt: number) => Promise<unknown>) {
  const ports = testPorts();
  const store = controlledStore(ports);
  const delivered: { readonly body: unknown; readonly key: string | undefined }[] = [];
  let numbers = 0;
  const host = {
    ports,
    store,
    report: () => {},
    deliver: (_target: unknown, { body, idempotencyKey }: SendCall) => {
      delivered.push({ body, key: idempotencyKey });
      return answer(body, delivered.length);
    },
    client: (caller: ActorCaller): Post => ({
      post: (body, key = "target") =>
        caller.send({
          target: { type: "get", name: "other", key: [key] },
          queue: "jobs",
          body,
          idempotencyKey: `key ${numbers++}`,
        }),
    }),
  };
  const common = { definition: sender, id: "a", name: "sender", key: ["a"], host };
  return {
    ports,
    store,
    delivered,
    create: (): ActorInstance => createInstance({ ...common, epoch: 1, start: { type: "create" } }),
    wake: async (): Promise<ActorInstance> => {
      const loaded = await store.acquire("a");
      return createInstance({ ...common, epoch: loaded.record.epoch, start: { type: "wake", loaded } });
    },
  };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

function stopping(): HoldfastError {
  return new HoldfastError("actor", "stopping", "not now");
}

test("a message is delivered after its commit, and its sender is notified of the arrival", async () => {
  const arrival = Promise.withResolvers<void>();
  const { create, store, delivered } = office(() => arrival.promise);
  const a = create();
  await a.ready;
  store.hold = true;
  const sent = call(a, "post", { n: 1 });
  await until(() => store.held.length === 1);
  assert.equal(delivered.length, 0);
  assert.ok(store.commits.at(-1)?.state, "the message and the change beside it are one commit");
  store.hold = false;
  store.held.shift()?.land();
  await until(() => delivered.length === 1);
  assert.deepEqual(delivered[0]?.body, { n: 1 });
  assert.equal(await outcome(sent), "pending");
  arrival.resolve();
  await sent;
});

test("an unawaited message shares a commit with later changes", async () => {
  const { create, store, delivered } = office(() => Promise.resolve());
  const a = create();
  await a.ready;
  const before = store.commits.length;
  await call(a, "postAndGo", { n: 1 });
  const own = store.commits[before];
  assert.ok(own?.state !== undefined && own.kv !== undefined, "the message and the change are one commit");
  await until(() => delivered.length === 1);
});

test("a target with a full disk receives its message when it has space", async () => {
  const full = new HoldfastError("store", "full", "no room");
  const { create, ports, delivered } = office((_, attempt) =>
    attempt < 2 ? Promise.reject(full) : Promise.resolve(),
  );
  const sent = call(create(), "post", 1);
  await until(() => delivered.length === 1);
  await turn();
  ports.advance(250);
  await sent;
  assert.equal(delivered.length, 2);
});

test("an unavailable target is retried with the same key, and later messages wait", async () => {
  const { create, ports, delivered } = office((_, attempt) =>
    attempt < 3 ? Promise.reject(stopping()) : Promise.resolve(),
  );
  const a = create();
  const first = call(a, "post", 1);
  const second = call(a, "post", 2);
  await until(() => delivered.length === 1);
  await turn();
  ports.advance(250);
  await until(() => delivered.length === 2);
  await turn();
  ports.advance(500);
  await Promise.all([first, second]);
  assert.deepEqual(
    delivered.map(({ body }) => body),
    [1, 1, 1, 2],
  );
  assert.equal(new Set(delivered.map(({ key }) => key)).size, 2);
});

test("a message does not overtake one that waits for a retry, however long that takes", async () => {
  let away = true;
  const { create, ports, delivered } = office(() => (away ? Promise.reject(stopping()) : Promise.resolve()));
  const a = create();
  const first = call(a, "post", 1);
  for (const [attempts, pauseMs] of [250, 500, 1_000, 2_000].entries()) {
    await until(() => delivered.length === attempts + 1);
    await turn();
    ports.advance(pauseMs);
  }
  await until(() => delivered.length === 5);
  await turn();
  // Between two attempts; the pause after the next one exceeds the sender's wait.
  const second = call(a, "post", 2);
  await turn();
  ports.advance(4_000);
  await until(() => delivered.length === 6);
  away = false;
  ports.advance(6_000);
  await turn();
  ports.advance(2_000);
  await Promise.all([first, second]);
  assert.deepEqual(
    delivered.map(({ body }) => body),
    [1, 1, 1, 1, 1, 1, 1, 2],
  );
});

test("a rejection by the target is reported and not retried", async () => {
  const refusal = new HoldfastError("queue", "full", "no room");
  const { create, ports, delivered, wake } = office(() => Promise.reject(refusal));
  const a = create();
  assert.equal(await call(a, "caught", 1), "queue.full");
  ports.advance(60_000);
  assert.equal(delivered.length, 1);
  await a.sleep();
  await (await wake()).ready;
  await turn();
  assert.equal(delivered.length, 1);
});

test("a message delivered during a failed transaction is not sent again", async () => {
  const arrival = Promise.withResolvers<void>();
  const { create, wake, delivered } = office(() => arrival.promise);
  const a = create();
  await call(a, "postAndGo", 1);
  await until(() => delivered.length === 1);
  assert.equal(await call(a, "undoneBeside", arrival), "back");
  await a.sleep();
  const b = await wake();
  await b.ready;
  await turn();
  assert.equal(delivered.length, 1);
  assert.equal(b.wakeAt, undefined);
});

test("after a crash the next instance delivers messages without a recorded arrival", async () => {
  const never = new Promise<void>(() => {});
  const { create, wake, delivered } = office((_, attempt) => (attempt === 1 ? never : Promise.resolve()));
  const a = create();
  void call(a, "post", "x").catch(() => {});
  await until(() => delivered.length === 1);
  assert.ok(a.wakeAt !== undefined, "the actor is started again for it");
  const b = await wake();
  await until(() => delivered.length === 2);
  assert.equal(delivered[1]?.key, delivered[0]?.key);
  assert.equal(await call(b, "sent"), 1);
  await until(() => b.wakeAt === undefined);
});

test("a failed commit or transaction sends nothing", async () => {
  const { create, store, delivered } = office(() => Promise.resolve());
  const a = create();
  assert.equal(await call(a, "postInVain"), "back");
  assert.equal(delivered.length, 0);
  store.hold = true;
  const sent = call(a, "post", 1);
  await until(() => store.held.length === 1);
  store.held.shift()?.fail(new HoldfastError("store", "full", "the disk is full"));
  await assert.rejects(sent, code("store.full"));
  assert.equal(delivered.length, 0);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { type ActorInstance, actor } from "@holdfast/actors";
import { call, deferred, turn, type World, world } from "./harness.ts";

const timed = (sleepTimeout: number) =>
  actor({
    state: { n: 0 },
    options: { sleepTimeout },
    actions: { add: (c) => ++c.state.n, wait: (_c, until: Promise<void>) => until },
  });

async function started(
  w: World,
  ids: readonly string[],
  definition = timed(1_000),
): Promise<ActorInstance[]> {
  const instances = ids.map((id) => w.create(definition, undefined, id));
  for (const instance of instances) await instance.ready;
  return instances;
}

const statuses = (instances: readonly ActorInstance[]): string =>
  instances.map(({ status }) => (status === "ready" ? "r" : "-")).join("");

test("all idle actors share one timer, and none is left when they have stopped", async () => {
  const w = world();
  const instances = await started(w, ["a", "b", "c"]);
  assert.equal(w.ports.pendingTimers, 1);
  const other = await started(w, ["d"], timed(2_000));
  assert.equal(w.ports.pendingTimers, 2, "one for each time of idleness");
  for (const instance of [...instances, ...other]) await instance.sleep();
  assert.equal(w.ports.pendingTimers, 0);
});

test("each actor sleeps after its own idle time, in the order in which they became idle", async () => {
  const w = world();
  const order: string[] = [];
  const [a, b, c] = await started(w, ["a", "b", "c"]);
  assert.ok(a && b && c);
  for (const instance of [a, b, c]) void instance.stopped.then(() => order.push(instance.id));
  w.ports.advance(400);
  await call(b, "add");
  w.ports.advance(300);
  await call(a, "add");
  w.ports.advance(299);
  assert.equal(statuses([a, b, c]), "rrr");
  w.ports.advance(1);
  assert.equal(statuses([a, b, c]), "rr-");
  w.ports.advance(399);
  assert.equal(statuses([a, b, c]), "rr-");
  w.ports.advance(1);
  assert.equal(statuses([a, b, c]), "r--");
  w.ports.advance(300);
  assert.equal(statuses([a, b, c]), "---");
  await Promise.all([a, b, c].map((instance) => instance.stopped));
  assert.deepEqual(order, ["c", "b", "a"]);
});

test("an actor that is busy at its deadline stays awake, and sleeps after a full idle time", async () => {
  const w = world();
  const [busy, idle] = await started(w, ["busy", "idle"]);
  assert.ok(busy && idle);
  const work = deferred();
  const working = call(busy, "wait", work.promise);
  w.ports.advance(5_000);
  assert.equal(statuses([busy, idle]), "r-");
  work.resolve();
  await working;
  w.ports.advance(999);
  assert.equal(busy.status, "ready");
  w.ports.advance(1);
  assert.equal(await busy.stopped, "slept");
  await idle.stopped;
  assert.equal(w.ports.pendingTimers, 0);
});

test("a stopped actor does not affect the deadlines of others", async () => {
  const w = world();
  const [a, b, c] = await started(w, ["a", "b", "c"]);
  assert.ok(a && b && c);
  w.ports.advance(500);
  await b.destroy();
  await a.sleep();
  w.ports.advance(499);
  assert.equal(c.status, "ready");
  w.ports.advance(1);
  assert.equal(await c.stopped, "slept");
});

test("an actor sleeps and wakes repeatedly without losing state", async () => {
  const w = world();
  const definition = timed(1_000);
  let [instance] = await started(w, ["a"], definition);
  for (let n = 1; n <= 5; n++) {
    assert.ok(instance);
    assert.equal(await call(instance, "add"), n);
    w.ports.advance(1_000);
    assert.equal(await instance.stopped, "slept");
    await turn();
    instance = await w.wake(definition);
    await instance.ready;
  }
});

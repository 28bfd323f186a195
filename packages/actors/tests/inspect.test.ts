import assert from "node:assert/strict";
import { test } from "node:test";
import { actor, type InspectionTopic, queue, readInspectorToken } from "@holdfast/actors";
import { decodeValue, encodeValue, isErrorCode } from "@holdfast/core";
import { call, deferred, outcome, turn, world } from "./harness.ts";

const counter = actor({
  state: { n: 0 },
  queues: { jobs: queue<number>() },
  actions: {
    add: (c, by: number) => {
      c.state.n += by;
      c.broadcast("added", by);
      return c.state.n;
    },
  },
});

function stateOf(bytes: Uint8Array | undefined): unknown {
  return bytes && decodeValue(bytes);
}

test("the record of a token has format 1, is created once, and is read without waking the actor", async () => {
  const { create, wake, store } = world();
  const instance = create(counter);
  await instance.ready;
  assert.equal(await readInspectorToken(store, "a"), undefined);
  const token = await instance.inspect().token();
  const written = store.commits.flatMap(({ kv }) => kv ?? []).at(-1);
  assert.ok(written?.type === "put");
  assert.equal(Buffer.from(written.key).toString("hex"), "000110");
  assert.equal(
    Buffer.from(written.value).toString("hex"),
    `01${Buffer.from(token, "base64url").toString("hex")}`,
  );
  assert.equal(Buffer.from(token, "base64url").length, 32);
  await instance.sleep();
  assert.equal(await readInspectorToken(store, "a"), token);
  const again = await wake(counter);
  await again.ready;
  assert.equal(await again.inspect().token(), token);
});

test("an edit waits for the action of a serial actor, and is durable when it resolves", async () => {
  const gate = deferred();
  const serial = actor({
    state: { n: 0 },
    options: { concurrency: "serial" },
    actions: {
      slow: async (c) => {
        await gate.promise;
        c.state.n += 1;
      },
    },
  });
  const { create, store } = world();
  const instance = create(serial);
  await instance.ready;
  const running = call(instance, "slow");
  const edited = instance.inspect().setState({ n: 10 });
  assert.equal(await outcome(edited), "pending");
  store.hold = true;
  gate.resolve();
  await turn();
  assert.equal(await outcome(edited), "pending");
  while (store.held.length > 0) {
    store.held.shift()?.land();
    await turn();
  }
  await Promise.all([running, edited]);
  assert.deepEqual(stateOf(instance.inspect().state()), { n: 10 });
});

test("an edit rejects if its commit fails, or after the actor has stopped", async () => {
  const { create, store } = world();
  const instance = create(counter);
  await instance.ready;
  store.hold = true;
  const edited = instance.inspect().setState({ n: 1 });
  await turn();
  store.held.shift()?.fail(new Error("disk"));
  await assert.rejects(edited);
  await instance.stopped;
  await assert.rejects(instance.inspect().setState({ n: 2 }));
  await assert.rejects(instance.inspect().token());
});

test("an invalid state value is rejected with its path; an actor without state rejects every edit", async () => {
  const { create } = world();
  const instance = create(counter);
  await instance.ready;
  await assert.rejects(instance.inspect().setState({ n: () => 1 }), (error) =>
    isErrorCode(error, "actor", "invalid_state_value"),
  );
  assert.equal(await call(instance, "add", 1), 1);
  const stateless = create(actor({ actions: {} }), undefined, "b");
  await stateless.ready;
  const inspection = stateless.inspect();
  assert.deepEqual([inspection.isStateEnabled, inspection.state()], [false, undefined]);
  await assert.rejects(inspection.setState(1), (error) => isErrorCode(error, "actor", "state_not_enabled"));
});

test("a watcher is notified of durable changes and later broadcasts, until it leaves", async () => {
  const { create, store } = world();
  const instance = create(counter);
  await instance.ready;
  const heard: (string | readonly InspectionTopic[])[] = [];
  const stop = instance.inspect().watch({
    changed: (topics) => heard.push([...topics]),
    broadcast: ({ name, args }) => heard.push(`${name} ${JSON.stringify(decodeValue(args))}`),
  });
  store.hold = true;
  const added = call(instance, "add", 2);
  await turn();
  assert.deepEqual(heard, []);
  store.held.shift()?.land();
  await added;
  assert.deepEqual(heard, [["state"], "added [2]"]);
  store.hold = false;
  await instance.inspect().queues.send("jobs", 1);
  assert.deepEqual(heard.at(-1), ["queue"]);
  stop();
  const before = heard.length;
  await call(instance, "add", 1);
  assert.equal(heard.length, before);
});

test("inspection does not keep the actor awake, and returns copies", async () => {
  const { create, ports } = world();
  const instance = create(counter);
  await instance.ready;
  instance.inspect().watch({ changed: () => undefined, broadcast: () => undefined });
  const shown = instance.inspect().state();
  await call(instance, "add", 5);
  assert.deepEqual(shown, encodeValue({ n: 0 }));
  ports.advance(60_000);
  assert.equal(await instance.stopped, "slept");
});

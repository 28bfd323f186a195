import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { encodeKey } from "@holdfast/core";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import { CounterLoad } from "./counter-load.ts";
import { clientOf, eventually, haveShared, keyAt, startNode, startNodes, type TestNode } from "./nodes.ts";

/** Short leases, so that a takeover does not take long. */
const ttlMs = 2_000;
const env = { TEST_TTL_MS: String(ttlMs) };

/** A library that shifts the wall clock of a process, and leaves its monotonic clock alone. */
function fakeTimeLibrary(): string {
  const found = readdirSync("/usr/lib")
    .map((folder) => join("/usr/lib", folder, "faketime/libfaketime.so.1"))
    .find((path) => existsSync(path));
  if (found === undefined)
    throw new Error("faketime is not installed. Run: sudo apt-get install -y faketime");
  return found;
}

function isRunning({ process }: TestNode): boolean {
  return process.exitCode === null && process.signalCode === null;
}

describe("faults of nodes", () => {
  let server: PostgresServer;
  let shared: TestNode[] = [];
  let replaced = 3;

  before(async () => {
    server = await startPostgres();
  });
  after(async () => {
    await Promise.all(shared.map((node) => node.stop()));
    await server.stop();
  });

  /** Three nodes that the tests share: those that an earlier one has ended are replaced. */
  async function cluster(): Promise<readonly TestNode[]> {
    const [survivor, ...rest] = shared.filter(isRunning);
    if (survivor === undefined) {
      shared = [...(await startNodes(3, { store: server.createDatabase(), env }))];
      return shared;
    }
    const { store } = survivor;
    const missing = Array.from({ length: 2 - rest.length }, () => `node-${++replaced}`);
    const next = await Promise.all(missing.map((name) => startNode(name, { store, env })));
    shared = [survivor, ...rest, ...next];
    await eventually("each node has its share", () => haveShared(shared));
    return shared;
  }

  test("the owner is killed under load: nothing acknowledged is lost, and another node takes over", async (t) => {
    const [entry, owner] = await cluster();
    assert.ok(entry && owner);
    const key = await keyAt(owner);
    const load = new CounterLoad(t, entry, key, 8);
    await load.acknowledged(60);
    const killedAt = performance.now();
    owner.kill("SIGKILL");
    await load.acknowledgedMore(1);
    const tookMs = performance.now() - killedAt;
    await load.acknowledgedMore(60);
    await load.stop();
    await load.check();
    assert.ok(tookMs < ttlMs + 2_000, `taken over in ${Math.round(tookMs)} ms`);
  });

  test("the owner is killed while it moves one actor: nothing acknowledged is lost, and the move can be repeated", async (t) => {
    const [entry, owner, next] = await cluster();
    assert.ok(entry && owner && next);
    const key = await keyAt(owner);
    const load = new CounterLoad(t, entry, key, 4);
    await load.acknowledged(25);
    const move = async (): Promise<number> => {
      const url = `${entry.url}/actors/counter/@${encodeKey([key])}/move?to=${next.name}`;
      return (await fetch(url, { method: "POST" })).status;
    };
    // The actor finishes what it does before it moves, and takes nothing new meanwhile.
    const busy = clientOf(entry).counter.getOrCreate([key]).wait(3_000);
    busy.catch(() => undefined);
    // By then it has begun: a move that comes before it would not wait for it.
    await load.acknowledgedMore(12);
    const moved = move();
    await eventually("the actor takes no more calls", async () => {
      const before = load.count;
      await new Promise((resolve) => setTimeout(resolve, 500));
      return load.count === before ? true : undefined;
    });
    owner.kill("SIGKILL");
    assert.notEqual(await moved, 204);
    await load.acknowledgedMore(25);
    await eventually("the move", async () => ((await move()) === 204 ? true : undefined));
    const processes = [entry, next].map((node) => clientOf(node).counter.getOrCreate([key]).process());
    assert.deepEqual(await Promise.all(processes), [next.pid, next.pid]);
    await load.acknowledgedMore(25);
    await load.stop();
    await load.check();
  });

  test("the owner is frozen past its lease: it answers nothing afterwards that the new owner contradicts", async (t) => {
    const [entry, owner] = await cluster();
    assert.ok(entry && owner);
    const key = await keyAt(owner);
    // One client talks to the owner itself, the other through another node.
    const own = new CounterLoad(t, owner, key, 4);
    const load = new CounterLoad(t, entry, key, 4);
    await own.acknowledged(40);
    await load.acknowledged(40);
    owner.kill("SIGSTOP");
    await load.acknowledgedMore(40);
    owner.kill("SIGCONT");
    await own.acknowledgedMore(40);
    await Promise.all([own.stop(), load.stop()]);
    assert.deepEqual(CounterLoad.repeated([own, load]), []);
    await load.check(own.count);
  });

  test("a node that gets SIGTERM hands over its actors, and no call fails", async (t) => {
    const [entry, owner] = await cluster();
    assert.ok(entry && owner);
    const loads: CounterLoad[] = [];
    for (let index = 0; index < 10; index++) loads.push(new CounterLoad(t, entry, `drained-${index}`, 2));
    for (const load of loads) await load.acknowledged(10);
    await owner.stop();
    for (const load of loads) await load.acknowledgedMore(10);
    for (const load of loads) {
      await load.stop();
      await load.check();
      assert.deepEqual(load.errors, []);
    }
  });

  test("a second node with the same id refuses to start", async () => {
    const [first] = await cluster();
    assert.ok(first);
    const store = first.store;
    await assert.rejects(startNode(first.name, { store, env }), /is running already/);
  });

  test("clocks of nodes are minutes apart: leases hold, and alarms fire once", async (t) => {
    const store = server.createDatabase();
    const start = async (name: string, offset: string): Promise<TestNode> => {
      const clock = { LD_PRELOAD: fakeTimeLibrary(), FAKETIME: offset, FAKETIME_DONT_FAKE_MONOTONIC: "1" };
      const node = await startNode(name, { store, env: { ...env, ...clock } });
      t.after(() => node.stop());
      return node;
    };
    const nodes = [
      await start("ahead", "+120s"),
      await start("right", "+0s"),
      await start("behind", "-120s"),
    ];
    await eventually("each node has its share", () => haveShared(nodes));
    const keys = await Promise.all(nodes.map((node) => keyAt(node)));
    const [ahead = 0, , behind = 0] = await Promise.all(
      nodes.map((node, at) =>
        clientOf(node)
          .counter.getOrCreate([keys[at] ?? ""])
          .clock(),
      ),
    );
    assert.ok(ahead - behind > 200_000, `${ahead - behind} ms between the clocks`);
    const urls = nodes.map(({ url }) => url);
    const loads = keys.map((key) => new CounterLoad(t, () => urls, key, 2));
    const alarms = keys.map((key, at) => clientOf(nodes[at] as TestNode).alarm.getOrCreate([key]));
    for (const each of alarms) await each.set(200);
    // Longer than a lease.
    const since = performance.now();
    await eventually("more than a lease's time", () =>
      performance.now() - since > 1.5 * ttlMs ? true : undefined,
    );
    for (const load of loads) {
      await load.stop();
      await load.check();
      assert.deepEqual(load.errors, []);
    }
    for (const each of alarms) {
      const fired = await eventually("the alarm", async () => {
        const all = await each.fired();
        return all.length > 0 ? all : undefined;
      });
      assert.equal(fired.length, 1);
    }
    for (const node of nodes) assert.equal((await fetch(`${node.url}/readyz`)).status, 200);
  });

  test("a clock that is years ahead makes nothing due and lets nothing expire: nodes use that of the database", async (t) => {
    const store = server.createDatabase();
    const right = await startNode("right", { store, env });
    t.after(() => right.stop());
    const clock = { LD_PRELOAD: fakeTimeLibrary(), FAKETIME: "+3650d", FAKETIME_DONT_FAKE_MONOTONIC: "1" };
    const ahead = await startNode("ahead", { store, env: { ...env, ...clock } });
    t.after(() => ahead.stop());
    await eventually("the warning", () => (/the clock of this machine/.test(ahead.log()) ? true : undefined));
    const key = await keyAt(right);
    const { counter, alarm } = clientOf(ahead);
    const years = ((await counter.getOrCreate([await keyAt(ahead)]).clock()) - Date.now()) / 31_557_600_000;
    assert.ok(years > 9, `${years} years ahead`);
    const url = `${ahead.url}/actors/counter/@${encodeKey([key])}/actions/add`;
    const add = async (): Promise<unknown> => {
      const headers = { "content-type": "application/json", "idempotency-key": "once" };
      return (await fetch(url, { method: "POST", headers, body: '{"args":[1]}' })).json();
    };
    const added = await add();
    await alarm.getOrCreate([key]).set(3_600_000);
    await right.stop();
    // The result is remembered by the node whose clock is wrong, and what is due in an hour has not come.
    assert.deepEqual(await add(), added);
    assert.deepEqual(await alarm.getOrCreate([key]).fired(), []);
    await alarm.getOrCreate([key]).set(100);
    await eventually("the alarm that is due", async () =>
      (await alarm.getOrCreate([key]).fired()).length === 1 ? true : undefined,
    );
  });

  /** Resolves when each of them answers for actors of both. */
  async function reachEachOther(...nodes: readonly TestNode[]): Promise<void> {
    const keys = Array.from({ length: 16 }, (_, index) => `rotated-${index}`);
    for (const entry of nodes) {
      await eventually("actors of both nodes", async () => {
        const { counter } = clientOf(entry);
        const processes = await Promise.all(keys.map((key) => counter.getOrCreate([key]).process()));
        return new Set(processes).size === nodes.length ? true : undefined;
      });
    }
  }

  test("a secret is rotated node by node", async (t) => {
    const store = server.createDatabase();
    const start = async (name: string, text: string): Promise<TestNode> => {
      const node = await startNode(name, { store, env: { ...env, HOLDFAST_CLUSTER_SECRET: text } });
      t.after(() => node.stop());
      return node;
    };
    const old = await start("old", "the old secret of the cluster");
    const both = await start("both", "the new secret of the cluster, the old secret of the cluster");
    await reachEachOther(old, both);
    await old.stop();
    const next = await start("next", "the new secret of the cluster");
    await reachEachOther(next, both);
  });

  test("actors wake only on nodes that define them", async (t) => {
    const store = server.createDatabase();
    const counters = await startNode("counters", { store, env: { ...env, TEST_DEFINES: "counter" } });
    t.after(() => counters.stop());
    const notes = await startNode("notes", { store, env: { ...env, TEST_DEFINES: "notes" } });
    t.after(() => notes.stop());
    for (let index = 0; index < 10; index++) {
      const key = [`k${index}`];
      assert.equal(await clientOf(notes).counter.getOrCreate(key).process(), counters.pid);
      await clientOf(counters).notes.getOrCreate(key).write("text");
      assert.deepEqual(await clientOf(notes).notes.getOrCreate(key).all(), ["text"]);
    }
    await notes.stop();
    await assert.rejects(
      clientOf(counters).notes.getOrCreate(["k1"]).all(),
      /No running node serves actors of "notes"\. Start one .*"counters" serves counter$/,
    );
  });
});

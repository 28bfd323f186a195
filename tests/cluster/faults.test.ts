import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import { CounterLoad } from "./counter-load.ts";
import { clientOf, eventually, keyAt, startNode, startNodes, type TestNode } from "./nodes.ts";

/** Short leases, so that a takeover does not take long. */
const ttlMs = 2_000;
const env = { TEST_TTL_MS: String(ttlMs) };

describe("faults of nodes", () => {
  let server: PostgresServer;

  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  async function cluster(t: TestContext): Promise<readonly TestNode[]> {
    const store = server.createDatabase();
    const nodes = await startNodes(3, { store, env });
    t.after(() => Promise.all(nodes.map((node) => node.stop())));
    return nodes;
  }

  test("the owner is killed under load: nothing acknowledged is lost, and another node takes over", async (t) => {
    const [entry, owner] = await cluster(t);
    assert.ok(entry && owner);
    const key = await keyAt(owner);
    const load = new CounterLoad(t, entry, key, 8);
    await load.acknowledged(200);
    const killedAt = performance.now();
    owner.kill("SIGKILL");
    await load.acknowledgedMore(1);
    const tookMs = performance.now() - killedAt;
    await load.acknowledgedMore(200);
    await load.stop();
    await load.check();
    assert.ok(tookMs < ttlMs + 2_000, `taken over in ${Math.round(tookMs)} ms`);
  });

  test("the owner is frozen past its lease: it answers nothing afterwards that the new owner contradicts", async (t) => {
    const [entry, owner] = await cluster(t);
    assert.ok(entry && owner);
    const key = await keyAt(owner);
    // One client talks to the owner itself, the other through another node.
    const own = new CounterLoad(t, owner, key, 4);
    const load = new CounterLoad(t, entry, key, 4);
    await own.acknowledged(100);
    await load.acknowledged(100);
    owner.kill("SIGSTOP");
    await load.acknowledgedMore(100);
    owner.kill("SIGCONT");
    await own.acknowledgedMore(100);
    await Promise.all([own.stop(), load.stop()]);
    assert.deepEqual(CounterLoad.repeated([own, load]), []);
    await load.check(own.count);
  });

  test("a node that gets SIGTERM hands over its actors, and no call fails", async (t) => {
    const [entry, owner] = await cluster(t);
    assert.ok(entry && owner);
    const loads: CounterLoad[] = [];
    for (let index = 0; index < 10; index++) loads.push(new CounterLoad(t, entry, `drained-${index}`, 2));
    for (const load of loads) await load.acknowledged(20);
    await owner.stop();
    for (const load of loads) await load.acknowledgedMore(20);
    for (const load of loads) {
      await load.stop();
      await load.check();
      assert.deepEqual(load.errors, []);
    }
  });

  test("all nodes are replaced one by one under load, and no call fails", async (t) => {
    const store = server.createDatabase();
    let nodes = [...(await startNodes(3, { store, env }))];
    t.after(() => Promise.all(nodes.map((node) => node.stop())));
    const urls = (): readonly string[] => nodes.map(({ url }) => url);
    const loads = Array.from({ length: 6 }, (_, index) => new CounterLoad(t, urls, `rolled-${index}`, 2));
    for (const load of loads) await load.acknowledged(20);
    for (let round = 0; round < 3; round++) {
      const [oldest, ...rest] = nodes;
      assert.ok(oldest);
      const next = await startNode(`next-${round}`, { store, env });
      nodes = [...rest, next];
      // A load balancer sends nothing more to a node that is not ready; calls that it has are answered.
      await Promise.all(loads.map((load) => load.acknowledgedMore(5)));
      await oldest.stop();
    }
    for (const load of loads) await load.acknowledgedMore(20);
    for (const load of loads) {
      await load.stop();
      await load.check();
      assert.deepEqual(load.errors, []);
    }
  });

  test("a second node with the same id refuses to start", async (t) => {
    const [first] = await cluster(t);
    assert.ok(first);
    const store = first.store;
    await assert.rejects(startNode(first.name, { store, env }), /is running already/);
  });

  test("a node with another secret is refused in words, and serves what it holds", async (t) => {
    const store = server.createDatabase();
    const node = await startNode("one", { store, env });
    t.after(() => node.stop());
    const other = await startNode("other", {
      store,
      env: { ...env, HOLDFAST_CLUSTER_SECRET: "a secret of another cluster" },
    });
    t.after(() => other.stop());
    await eventually("the message about the secret", () =>
      /another cluster secret/.test(node.log() + other.log()) ? true : undefined,
    );
  });

  test("a secret is rotated node by node", async (t) => {
    const store = server.createDatabase();
    const start = async (name: string, text: string): Promise<TestNode> => {
      const node = await startNode(name, { store, env: { ...env, HOLDFAST_CLUSTER_SECRET: text } });
      t.after(() => node.stop());
      return node;
    };
    const old = await start("old", "the old secret of the cluster");
    const both = await start("both", "the new secret of the cluster, the old secret of the cluster");
    for (const node of [old, both]) {
      const key = await keyAt(node);
      for (const entry of [old, both])
        assert.equal(await clientOf(entry).counter.getOrCreate([key]).process(), node.pid);
    }
    await old.stop();
    const next = await start("next", "the new secret of the cluster");
    for (const node of [next, both]) {
      const key = await keyAt(node);
      for (const entry of [next, both])
        assert.equal(await clientOf(entry).counter.getOrCreate([key]).process(), node.pid);
    }
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
      /No running node serves actors of "notes"/,
    );
  });
});

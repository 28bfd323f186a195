/** The tests of partitions; run by partitions.test.ts in the namespace that is the hub of the network. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, type TestContext, test } from "node:test";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import { clientOf, eventually, keyAt, startNode, type TestNode } from "./nodes.ts";
import { cut, databaseAddress, type Host, heal } from "./partitioned-network.ts";
import { RecordedCounter } from "./recorded-counter.ts";

const ttlMs = 2_000;
const hosts = JSON.parse(process.env["TEST_HOSTS"] ?? "[]") as readonly Host[];

describe("partitions", () => {
  let server: PostgresServer;
  let nodes: readonly TestNode[];
  let rounds = 0;

  before(async () => {
    server = await startPostgres({ listen_addresses: `127.0.0.1,${databaseAddress}` });
    const rules = server.execute("SHOW hba_file");
    writeFileSync(rules, `host all all 10.77.0.0/24 trust\n${readFileSync(rules, "utf8")}`);
    server.execute("SELECT pg_reload_conf()");
    const store = `postgres://holdfast@${databaseAddress}:${server.port}/postgres`;
    nodes = await Promise.all(
      hosts.map(({ namespace, address }, at) =>
        startNode(`node-${at}`, {
          store,
          command: ["ip", "netns", "exec", namespace],
          env: {
            TEST_TTL_MS: String(ttlMs),
            HOLDFAST_HOST: address,
            HOLDFAST_HOSTS: address,
            HOLDFAST_ADVERTISE: `http://${address}:6421`,
          },
        }),
      ),
    );
  });
  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await server.stop();
  });

  const node = (at: number): TestNode => nodes[at] ?? assert.fail("no such node");
  const host = (at: number): Host => hosts[at] ?? assert.fail("no such host");
  const ready = async (at: number): Promise<number> => (await fetch(`${node(at).url}/readyz`)).status;

  /** Loses what these hosts send to these addresses; returns what ends that. */
  function partition(t: TestContext, ways: readonly (readonly [Host, string])[]): () => void {
    for (const [from, to] of ways) cut(from, to);
    let isHealed = false;
    const end = (): void => {
      if (isHealed) return;
      isHealed = true;
      for (const [from, to] of ways) heal(from, to);
    };
    t.after(end);
    return end;
  }

  /** Counters that all nodes share, called through all nodes while a fault happens and is mended. */
  async function recorded(t: TestContext, fault: () => Promise<void>): Promise<void> {
    rounds++;
    const keys = Array.from({ length: 6 }, (_, at) => `recorded-${rounds}-${at}`);
    const counters = keys.map((key) => new RecordedCounter(t, nodes, key));
    await RecordedCounter.longer(counters, 10);
    await fault();
    await RecordedCounter.longer(counters, 10);
    for (const counter of counters) await counter.stop();
    for (const counter of counters) counter.check();
    for (const at of nodes.keys()) {
      await eventually(`node ${at} is ready`, async () => ((await ready(at)) === 200 ? true : undefined));
    }
  }

  test("a node that does not reach the database loses its actors, and takes its share again", async (t) => {
    await recorded(t, async () => {
      const key = await keyAt(node(1));
      const end = partition(t, [[host(1), databaseAddress]]);
      await eventually("the node is not ready", async () => ((await ready(1)) === 503 ? true : undefined));
      const taken = await clientOf(node(0)).counter.getOrCreate([key]).process();
      assert.ok([node(0).pid, node(2).pid].includes(taken));
      end();
    });
  });

  test("two nodes that do not reach each other keep their actors: calls wait, and other ways work", async (t) => {
    await recorded(t, async () => {
      const key = await keyAt(node(1));
      const end = partition(t, [
        [host(0), host(1).address],
        [host(1), host(0).address],
      ]);
      const waiting = clientOf(node(0)).counter.getOrCreate([key]).add(1);
      for (const way of [1, 2]) {
        assert.equal(await clientOf(node(way)).counter.getOrCreate([key]).process(), node(1).pid);
      }
      assert.deepEqual(await Promise.all([0, 1, 2].map(ready)), [200, 200, 200]);
      end();
      assert.equal(await waiting, await clientOf(node(1)).counter.getOrCreate([key]).read());
    });
  });

  test("a node that is heard but hears no other: one way is enough to lose an answer, and none takes effect twice", async (t) => {
    await recorded(t, async () => {
      const key = await keyAt(node(2));
      const before = await clientOf(node(2)).counter.getOrCreate([key]).read();
      // Requests arrive at the owner, and its answers are lost.
      const end = partition(t, [[host(2), host(0).address]]);
      const calls = Array.from({ length: 8 }, () => clientOf(node(0)).counter.getOrCreate([key]).add(1));
      await eventually("the calls have run", async () => {
        const count = await clientOf(node(2)).counter.getOrCreate([key]).read();
        return count === before + calls.length ? true : undefined;
      });
      end();
      const results = [...(await Promise.all(calls))].sort((a, b) => a - b);
      assert.deepEqual(
        results,
        calls.map((_, at) => before + 1 + at),
      );
    });
  });

  test("a node that is alone stops to serve, and the others go on", async (t) => {
    await recorded(t, async () => {
      const key = await keyAt(node(2));
      const others = [host(0).address, host(1).address, databaseAddress];
      const end = partition(
        t,
        others.map((address) => [host(2), address] as const),
      );
      const pid = await clientOf(node(0)).counter.getOrCreate([key]).process();
      assert.ok([node(0).pid, node(1).pid].includes(pid));
      assert.equal(await ready(2), 503);
      end();
    });
  });
});

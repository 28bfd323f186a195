import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import { atEnd } from "./at-end.ts";
import { CounterLoad } from "./counter-load.ts";
import { clientOf, eventually, haveShared, startNode, type TestNode } from "./nodes.ts";
import { type Proxy as NetworkProxy, startProxy } from "./proxy.ts";
import { RecordedCounter } from "./recorded-counter.ts";

const env = { TEST_TTL_MS: "2000" };

describe("histories of clients", () => {
  let server: PostgresServer;
  let store: string;
  let proxy: NetworkProxy;
  /** Nodes that run, from one test to the next. */
  let nodes: readonly TestNode[] = [];

  before(async () => {
    server = await startPostgres();
    store = server.url;
    proxy = await startProxy(() => server.port);
  });
  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await proxy.close();
    await server.stop();
  });

  test("are linearizable while nodes are cut off, frozen and killed", async (t) => {
    const behindProxy = store.replace(`:${server.port}/`, `:${proxy.port}/`);
    const [entry, cutOff, frozen, killed] = await Promise.all([
      startNode("entry", { store, env }),
      startNode("cut-off", { store: behindProxy, env }),
      startNode("frozen", { store, env }),
      startNode("killed", { store, env }),
    ]);
    atEnd(t, () => killed.stop());
    nodes = [entry, cutOff, frozen];
    const entries = [entry, cutOff, frozen];
    const counters = Array.from({ length: 8 }, (_, at) => new RecordedCounter(t, entries, `history-${at}`));
    const longer = (operations: number): Promise<void> => RecordedCounter.longer(counters, operations);
    await longer(10);
    proxy.cut();
    killed.kill("SIGKILL");
    await longer(10);
    frozen.kill("SIGSTOP");
    proxy.heal();
    await longer(10);
    frozen.kill("SIGCONT");
    await longer(10);
    for (const counter of counters) await counter.stop();
    for (const counter of counters) counter.check();
  });

  test("move money without losing or making any, while nodes are killed", async () => {
    await eventually("each node has its share", () => haveShared(nodes));
    const names = Array.from({ length: 6 }, (_, at) => `account-${at}`);
    const bank = (entry: number) => {
      const node = nodes[entry % nodes.length];
      assert.ok(node);
      return clientOf(node).account;
    };
    for (const name of names) await bank(0).getOrCreate([name]).deposit(1_000);
    const over = new AbortController();
    let transfers = 0;
    const clients = names.map(async (name, at) => {
      for (let round = 0; !over.signal.aborted; round++) {
        const to = names[(at + 1 + (round % (names.length - 1))) % names.length] ?? name;
        await bank(at + round)
          .getOrCreate([name])
          .action({ name: "transfer", args: [to, 1 + (round % 7)], signal: over.signal })
          .then(
            () => transfers++,
            // It may have run: that moves money as well, and makes none.
            () => undefined,
          );
        // A load that takes all cores slows down the takeovers that it is about.
        await delay(100);
      }
    });
    const more = async (count: number): Promise<void> => {
      const goal = transfers + count;
      await eventually(`${goal} transfers`, () => (transfers >= goal ? true : undefined));
    };
    await more(30);
    for (let round = 0; round < 2; round++) {
      const [victim, ...rest] = nodes;
      assert.ok(victim);
      nodes = [...rest, await startNode(`more-${round}`, { store, env })];
      victim.kill("SIGKILL");
      await more(30);
    }
    // Some calls would go on trying to reach a node that was killed.
    over.abort();
    await Promise.all(clients);
    await eventually("all messages have arrived", async () => {
      const balances = await Promise.all(names.map((name) => bank(0).getOrCreate([name]).balance()));
      const total = balances.reduce((sum, balance) => sum + balance, 0);
      assert.ok(total <= 1_000 * names.length, `money was made: ${balances.join(", ")}`);
      return total === 1_000 * names.length ? true : undefined;
    });
  });

  test("show no failed call while all shards of a node move at once", async (t) => {
    // The first node holds all shards, and hands over all of them.
    const [alone, ...others] = nodes;
    assert.ok(alone);
    await Promise.all(others.map((node) => node.stop()));
    await eventually("one node has all shards", () => haveShared([alone]));
    const keys = Array.from({ length: 100 }, (_, at) => `moved-${at}`);
    await Promise.all(keys.map((key) => clientOf(alone).counter.getOrCreate([key]).add(1)));
    const next = await startNode("next", { store, env });
    nodes = [alone, next];
    const loads = keys.slice(0, 20).map((key) => new CounterLoad(t, next, key, 1));
    for (const load of loads) await load.acknowledgedMore(3);
    await alone.stop();
    for (const load of loads) await load.acknowledgedMore(10);
    for (const load of loads) {
      await load.stop();
      assert.deepEqual(load.errors, []);
      await load.check(1);
    }
    for (const key of keys.slice(20))
      assert.equal(await clientOf(next).counter.getOrCreate([key]).process(), next.pid);
  });
});

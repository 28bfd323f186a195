import assert from "node:assert/strict";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { systemPorts } from "@holdfast/core";
import { addressHash } from "@holdfast/server";
import { openPostgresStore } from "@holdfast/store-postgres";
import { startPostgres } from "@holdfast/testing/postgres";
import { createClient } from "holdfast/client";
import type { ClusterRegistry } from "./actors.ts";
import { startInProcess } from "./in-process.ts";
import { eventually } from "./nodes.ts";

/** Two servers with a database each. */
const servers = await Promise.all([startPostgres(), startPostgres()]);
after(() => Promise.all(servers.map((server) => server.stop())));
const [first, second] = servers;

/** A node that gives up early what it retries. */
function startNode(t: TestContext) {
  return startInProcess(t, (directory) =>
    openPostgresStore({
      ...{ url: first.url, databases: [second.url], ports: systemPorts() },
      ...{ cachePath: join(directory, "postgres-cache"), retryForMs: 500 },
    }),
  );
}

/** Keys of an actor whose data are in the first database, and in the second. */
function keysOf(name: string, count: number): readonly [readonly string[], readonly string[]] {
  const keys = Array.from({ length: 100 }, (_, at) => `${name}-${at}`);
  const isFirst = (key: string) => (addressHash(name, [key]) & 1_023) < 512;
  return [keys.filter(isFirst).slice(0, count), keys.filter((key) => !isFirst(key)).slice(0, count)];
}

test("over two databases: money is conserved, and one that is away stops only its own actors", async (t) => {
  const nodes = [await startNode(t), await startNode(t)];
  const client = (at: number) => createClient<ClusterRegistry>(nodes[at % 2]?.url);
  const [here, there] = keysOf("account", 3);
  const names = [...here, ...there];
  for (const [at, name] of names.entries()) await client(at).account.getOrCreate([name]).deposit(1_000);

  let transfers = 0;
  let isOver = false;
  t.after(() => {
    isOver = true;
  });
  /** Each pays the next one in turn, so that money crosses between the databases both ways. */
  const pay = async (from: string, at: number): Promise<void> => {
    for (let round = 0; !isOver; round += 1) {
      const to = names[(at + 1 + (round % (names.length - 1))) % names.length] ?? "";
      await client(at + round)
        .account.getOrCreate([from])
        .transfer(to, 1 + (round % 7))
        .then(
          () => void transfers++,
          () => new Promise((resolve) => setTimeout(resolve, 50)),
        );
    }
  };
  const paying = names.map(pay);
  const more = (count: number) => {
    const goal = transfers + count;
    return eventually(`${goal} transfers`, () => (transfers >= goal ? true : undefined));
  };
  await more(20);

  await second.crash();
  const [[counter = ""], [away = ""]] = keysOf("counter", 1);
  const ready = async (at: number): Promise<string> => {
    const response = await fetch(`${nodes[at]?.url}/readyz`);
    return `${response.status} ${await response.text()}`;
  };
  // A raw request, which no client repeats for half a minute.
  const refusals = [0, 1].map(async (at) => {
    const response = await client(at).counter.getOrCreate([away]).fetch("/");
    assert.equal(response.status, 503);
    assert.match(await response.text(), /Database 2 of 2: The database cannot be used/);
  });
  await Promise.all(refusals);
  await eventually("both nodes say what is missing", async () => {
    const all = await Promise.all([ready(0), ready(1)]);
    return all.every((text) => text === "200 ok\ndatabase 2 of 2 cannot be reached\n") ? true : undefined;
  });
  for (const at of [0, 1, 2]) assert.equal(await client(at).counter.getOrCreate([counter]).add(1), at + 1);
  const metrics = await (await fetch(`${nodes[0]?.url}/metrics`)).text();
  assert.match(metrics, /^holdfast_store_unavailable_databases 1$/m);

  await second.restart();
  await eventually("both are back", async () => {
    const all = await Promise.all([ready(0), ready(1)]);
    return all.every((text) => text === "200 ok\n") ? true : undefined;
  });
  assert.equal(await client(0).counter.getOrCreate([away]).add(1), 1);
  await more(20);
  isOver = true;
  await Promise.all(paying);
  await eventually("all money has arrived", async () => {
    const balances = await Promise.all(
      names.map((name, at) => client(at).account.getOrCreate([name]).balance()),
    );
    return balances.reduce((sum, balance) => sum + balance, 0) === 6_000 ? true : undefined;
  });
});

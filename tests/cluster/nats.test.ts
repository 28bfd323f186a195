import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeKey } from "@holdfast/core";
import { startNats } from "@holdfast/testing/nats";
import { startPostgres } from "@holdfast/testing/postgres";
import { CounterLoad } from "./counter-load.ts";
import { startNatsProxy } from "./nats-proxy.ts";
import { clientOf, eventually, startNode, startNodes, type TestNode } from "./nodes.ts";

test("NATS that loses and repeats messages, goes down and comes back costs nothing but time", async (t) => {
  const server = await startPostgres();
  const nats = await startNats();
  let messages = 0;
  // Loses every third message and repeats every other third.
  const proxy = await startNatsProxy(nats.port, () => (messages++ % 3) as 0 | 1 | 2);
  t.after(async () => {
    await proxy.close();
    await Promise.all([nats.stop(), server.stop()]);
  });
  const env = { TEST_TTL_MS: "3000", TEST_WAKEUPS: "nats", HOLDFAST_NATS: proxy.url };
  const nodes = await startNodes(3, { store: server.url, env });
  t.after(() => Promise.all(nodes.map((node) => node.stop())));
  const [entry] = nodes;
  assert.ok(entry);

  const load = new CounterLoad(t, () => nodes.map(({ url }) => url), "under-load", 2);
  await load.acknowledged(25);
  const keys = Array.from({ length: 16 }, (_, at) => `alarm-${at}`);
  await copies(entry, keys.slice(0, 8));
  await nats.kill();
  await load.acknowledgedMore(25);
  for (const node of nodes) await eventually("the node notices", () => seesNats(node, false));
  await copies(entry, keys.slice(8));
  // Membership changes without NATS too.
  const fourth = await startNode("fourth", { store: server.url, env });
  t.after(() => fourth.stop());
  await nats.restart();
  for (const node of [...nodes, fourth]) await eventually("NATS is used again", () => seesNats(node, true));
  await load.acknowledgedMore(25);

  for (const key of keys) {
    const fired = await eventually<readonly number[]>(`the alarm of ${key}`, async () => {
      const times: readonly number[] = await clientOf(entry).alarm.getOrCreate([key]).fired();
      return times.length > 0 ? times : undefined;
    });
    assert.equal(fired.length, 1, `the alarm of ${key} fired ${fired.length} times`);
  }
  await load.stop();
  assert.deepEqual(load.errors, []);
  await load.check();
  assert.ok(proxy.lost > 0 && proxy.repeated > 0, `${proxy.lost} lost, ${proxy.repeated} repeated`);
});

async function seesNats(node: TestNode, isUp: boolean): Promise<true | undefined> {
  const { wakeups } = (await (await fetch(`${node.url}/cluster`)).json()) as { readonly wakeups: string[] };
  return wakeups.includes("nats") === isUp ? true : undefined;
}

/** Stores actors with an alarm through one node, most of which other nodes have to wake. */
async function copies(node: TestNode, keys: readonly string[]): Promise<void> {
  const source = `source-${keys[0]}`;
  await clientOf(node).alarm.getOrCreate([source]).set(4_000);
  for (const key of keys) {
    const response = await fetch(`${node.url}/actors/alarm/~${encodeKey([source])}/fork`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ key: [key] }),
    });
    assert.equal(response.status, 201, await response.text());
  }
}

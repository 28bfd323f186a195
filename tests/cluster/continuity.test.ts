/** Connections of clients while their actors move between nodes, and while the nodes end to which they are connected. */
import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { encodeKey } from "@holdfast/core";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import { ChatMember, chatAt, Speaker, say } from "./chat-member.ts";
import { CounterLoad } from "./counter-load.ts";
import { eventually, runCli, startNode, startNodes, type TestNode } from "./nodes.ts";
import { startProxy } from "./proxy.ts";

const env = { TEST_TTL_MS: "2000" };

describe("connections across nodes", () => {
  let server: PostgresServer;
  /** Of one cluster, which the tests share. */
  let nodes: readonly TestNode[] = [];

  before(async () => {
    server = await startPostgres();
    nodes = await startNodes(3, { store: server.url, env });
  });
  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await server.stop();
  });

  /** Members of each chat: one at each node, through a load balancer of its own. */
  async function gather(
    t: TestContext,
    nodes: () => readonly TestNode[],
    keys: readonly string[],
  ): Promise<readonly ChatMember[]> {
    const balancers = await Promise.all(
      Array.from({ length: 3 }, (_, at) =>
        startProxy(() => {
          const all = nodes();
          return Number(new URL(all[at % all.length]?.url ?? "").port);
        }),
      ),
    );
    t.after(() => Promise.all(balancers.map((balancer) => balancer.close())));
    const members = keys.flatMap((key) =>
      balancers.map(({ port }, at) => new ChatMember(`${key}/${at}`, `http://127.0.0.1:${port}`, key)),
    );
    t.after(() => Promise.all(members.map((member) => member.dispose())));
    await Promise.all(members.map((member) => member.enter()));
    return members;
  }

  function assertGapless(members: readonly ChatMember[]): void {
    assert.deepEqual(
      members.flatMap(({ faults }) => faults),
      [],
    );
    assert.deepEqual(
      members.filter(({ gaps }) => gaps > 0).map(({ name }) => name),
      [],
    );
  }

  test("all nodes are replaced one by one under load: no call fails, and everyone hears each word once and in order", async (t) => {
    const keys = ["red", "green", "blue"];
    const members = await gather(t, () => nodes, keys);
    const urls = (): readonly string[] => nodes.map(({ url }) => url);
    const speakers = keys.map((key) => new Speaker(urls, key));
    const loads = Array.from({ length: 6 }, (_, index) => new CounterLoad(t, urls, `rolled-${index}`, 2));
    for (const load of loads) await load.acknowledged(10);
    for (let round = 0; round < 3; round++) {
      const [oldest, ...rest] = nodes;
      assert.ok(oldest);
      const next = await startNode(`next-${round}`, { store: server.url, env });
      // A load balancer sends nothing more to a node that is not ready; calls that it has are answered.
      nodes = [...rest, next];
      await Promise.all(speakers.map((speaker) => speaker.saidMore(10)));
      await Promise.all(loads.map((load) => load.acknowledgedMore(5)));
      await oldest.stop();
      await Promise.all(speakers.map((speaker) => speaker.saidMore(10)));
    }
    for (const load of loads) await load.acknowledgedMore(10);
    for (const load of loads) {
      await load.stop();
      await load.check();
      assert.deepEqual(load.errors, []);
    }
    for (const [at, speaker] of speakers.entries()) {
      await speaker.stop();
      for (const member of members.slice(3 * at, 3 * at + 3)) await member.heardUpTo(speaker.said);
    }
    assertGapless(members);
  });

  test("one actor is moved from node to node, and while it sleeps: its members hear each word once", async (t) => {
    const [entry] = nodes;
    assert.ok(entry);
    const key = "sleepy";
    const members = await gather(t, () => nodes, [key]);
    const speaker = new Speaker(() => nodes.map(({ url }) => url), key);
    for (const { name, pid } of nodes) {
      await speaker.saidMore(5);
      const url = `${entry.url}/actors/chat/@${encodeKey([key])}/move?to=${name}`;
      const moved = await fetch(url, { method: "POST" });
      assert.equal(moved.status, 204, await moved.text());
      assert.equal(await chatAt(entry.url, key).process(), pid);
    }
    await speaker.stop();
    for (const member of members) await member.heardUpTo(speaker.said);
    assertGapless(members);
    const before = await chatAt(entry.url, key).process();
    const owner = nodes.find(({ pid }) => pid === before);
    assert.ok(owner);
    // Longer than its sleep timeout, without anything to observe: a sleep that comes later moves the same connections.
    await new Promise((resolve) => setTimeout(resolve, 600));
    await runCli(["cluster", "drain", owner.name, "--url", owner.url]);
    await eventually("the chat runs at another node", async () =>
      (await chatAt(entry.url, key).process()) === before ? undefined : true,
    );
    const last = await say(entry.url, key);
    for (const member of members) await member.heardUpTo(last);
    assertGapless(members);
  });

  test("the owner is killed: a member hears everything or is told of the gap, and nothing twice", async (t) => {
    const key = "shaken";
    const [entry] = nodes;
    assert.ok(entry);
    const pid = await chatAt(entry.url, key).process();
    const alive = nodes.filter((node) => node.pid !== pid);
    const members = await gather(t, () => alive, [key]);
    const speaker = new Speaker(() => alive.map(({ url }) => url), key);
    await speaker.saidMore(20);
    nodes.find((node) => node.pid === pid)?.kill("SIGKILL");
    await speaker.saidMore(20);
    await speaker.stop();
    // A word after everyone is back in the room.
    await Promise.all(members.map((member) => member.enter()));
    const last = await say(alive[0]?.url ?? "", key);
    for (const member of members) await member.heardUpTo(last);
    assert.deepEqual(
      members.flatMap(({ faults }) => faults),
      [],
    );
  });
});

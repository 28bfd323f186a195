import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { encodeKey, isErrorCode } from "@holdfast/core";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import { clientOf, eventually, runCli, startNodes, type TestNode } from "./nodes.ts";

describe("three nodes over one database", () => {
  let server: PostgresServer;
  let nodes: readonly TestNode[];

  before(async () => {
    server = await startPostgres();
    nodes = await startNodes(3, { store: server.url });
  });
  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await server.stop();
  });

  const at = (index: number): TestNode => {
    const node = nodes[index];
    assert.ok(node);
    return node;
  };

  test("every node reaches every actor, and each actor runs in one process", async () => {
    const processes = new Set<number>();
    for (let key = 0; key < 24; key++) {
      const results = await Promise.all(
        nodes.map((node) =>
          clientOf(node)
            .counter.getOrCreate([`k${key}`])
            .add(1),
        ),
      );
      assert.deepEqual([...results].sort(), [1, 2, 3]);
      const seen = await Promise.all(
        nodes.map((node) =>
          clientOf(node)
            .counter.getOrCreate([`k${key}`])
            .process(),
        ),
      );
      assert.equal(new Set(seen).size, 1);
      processes.add(seen[0] ?? 0);
    }
    assert.equal(processes.size, 3);
  });

  test("an id leads to its actor from every node", async () => {
    const id = await clientOf(at(0)).counter.getOrCreate(["by-id"]).whoami();
    for (const node of nodes) {
      assert.equal(await clientOf(node).counter.getForId(id).whoami(), id);
    }
  });

  test("connections, with their calls and events, cross nodes", async () => {
    const connections = nodes.map((node) => clientOf(node).counter.getOrCreate(["connected"]).connect());
    const seen = connections.map((connection) => {
      const values: number[] = [];
      connection.on("changed", (value: number) => values.push(value));
      return values;
    });
    for (const connection of connections) await connection.read();
    for (const connection of connections) await connection.add(1);
    await eventually("all events", () => (seen.every(({ length }) => length === 3) ? true : undefined));
    for (const values of seen) assert.deepEqual(values, [1, 2, 3]);
    await Promise.all(connections.map((connection) => connection.dispose()));
  });

  test("streams, raw requests and raw WebSockets cross nodes", async () => {
    for (const node of nodes) {
      const handle = clientOf(node).counter.getOrCreate(["raw"]);
      const chunks: number[] = [];
      for await (const chunk of await handle.stream(40)) chunks.push(chunk);
      assert.deepEqual(
        chunks,
        Array.from({ length: 40 }, (_, index) => index),
      );
      const body = new Uint8Array(3 * 1_048_576).fill(7);
      const echoed = await handle.fetch("/echo", { method: "POST", body });
      assert.equal(echoed.headers.get("x-echo"), "yes");
      assert.deepEqual(new Uint8Array(await echoed.arrayBuffer()), body);
      const seen = (await (await handle.fetch("/path?query=1")).json()) as { readonly url: string };
      assert.equal(new URL(seen.url).host, new URL(node.url).host);
      const socket = await handle.webSocket("/");
      const reply = new Promise((resolve) => {
        socket.addEventListener("message", ({ data }) => resolve(data));
      });
      socket.send("hello");
      assert.equal(await reply, "hello");
      socket.close();
    }
  });

  test("unusual requests cross nodes as they are", async () => {
    for (const node of nodes) {
      const url = `${node.url}/actors/counter/~${encodeKey(["unusual"])}/request`;
      // A status that nodes use among themselves is the actor's own here.
      const refused = await fetch(`${url}/misdirected`);
      assert.deepEqual([refused.status, await refused.text()], [421, "mine"]);
      // A length is no body: fetch cannot send it with GET.
      const named = request(`${url}/header`, { headers: { "content-length": "0", "x-name": "J\u00fcrgen" } });
      named.end();
      const [response] = (await once(named, "response")) as [IncomingMessage];
      assert.deepEqual([response.statusCode, await text(response)], [200, "J\u00fcrgen"]);
    }
  });

  test("actors call actors of other nodes, and their messages arrive", async () => {
    const client = clientOf(at(0));
    const keys = Array.from({ length: 12 }, (_, index) => `other-${index}`);
    for (const [index, key] of keys.entries()) {
      assert.equal(await client.counter.getOrCreate(["caller"]).addElsewhere(key, index), index);
      await client.counter.getOrCreate(["caller"]).sendElsewhere(key, index + 1);
    }
    for (const [index, key] of keys.entries()) {
      await eventually(`the message for ${key}`, async () => {
        const sum = await clientOf(at(1)).adder.getOrCreate([key]).sum();
        return sum === index + 1 ? true : undefined;
      });
    }
  });

  test("senders wait for their answers, and event streams flow, across nodes", async () => {
    for (const node of nodes) {
      const client = clientOf(node);
      const reply = await client.doubler.getOrCreate(["d"]).send("jobs", 21, { wait: true });
      assert.deepEqual(reply, { status: "completed", response: 42 });
      const stop = new AbortController();
      const events = await fetch(
        `${node.url}/actors/counter/@${encodeKey(["sse"])}/events?event=changed&create=true`,
        {
          headers: { accept: "text/event-stream" },
          signal: stop.signal,
        },
      );
      assert.equal(events.status, 200);
      const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
      await client.counter.getOrCreate(["sse"]).add(1);
      let seen = "";
      while (!seen.includes("event: changed")) seen += (await reader?.read())?.value ?? "";
      stop.abort();
    }
  });

  test("alarms fire once, on the node that serves the actor", async () => {
    const keys = Array.from({ length: 9 }, (_, index) => `alarm-${index}`);
    for (const key of keys) await clientOf(at(2)).alarm.getOrCreate([key]).set(200);
    for (const key of keys) {
      const fired = await eventually(`the alarm of ${key}`, async () => {
        const pids = await clientOf(at(0)).alarm.getOrCreate([key]).fired();
        return pids.length > 0 ? pids : undefined;
      });
      assert.equal(fired.length, 1);
    }
  });

  test("onAuth decides on the node that serves the actor", async () => {
    for (const node of nodes) {
      const client = clientOf(node);
      assert.equal(await client.guarded.getOrCreate(["g"], { params: { token: "yes" } }).hello(), "hello");
      await assert.rejects(client.guarded.getOrCreate(["g"], { params: { token: "wrong" } }).hello());
    }
  });

  test("an actor is created and destroyed through any node", async () => {
    const first = clientOf(at(0));
    const second = clientOf(at(1));
    await first.counter.create(["made"]);
    await assert.rejects(second.counter.create(["made"]), /exists/);
    await second.counter.getOrCreate(["made"]).add(1);
    for (const [index, node] of nodes.entries()) {
      const key = `ended-${index}`;
      await first.counter.getOrCreate([key]).add(5);
      await clientOf(node).counter.destroy([key]);
      assert.equal(await first.counter.getOrCreate([key]).read(), 0);
      // In the name of an actor, which runs on one of the nodes.
      await first.counter.getOrCreate([key]).add(5);
      await first.counter.getOrCreate(["caller"]).endElsewhere(key);
      assert.equal(await first.counter.getOrCreate([key]).read(), 0);
    }
  });

  test("any node lists and counts the running actors of all, and names a node that does not answer", async () => {
    const keys = Array.from({ length: 12 }, (_, index) => ["listed", `${index}`]);
    const options = { prefix: ["listed"], status: "running" } as const;
    const processes = await Promise.all(
      keys.map((key) => clientOf(at(0)).counter.getOrCreate(key).process()),
    );
    const ofLast = processes.filter((pid) => pid === at(2).pid).length;
    for (const node of nodes) {
      const { counter } = clientOf(node);
      const { actors, unanswered } = await counter.list(options);
      assert.deepEqual([actors.length, unanswered], [keys.length, undefined]);
      assert.equal(await counter.count(options), keys.length);
      const all = await counter.list({ prefix: ["listed"] });
      assert.ok(all.actors.every(({ status }) => status === "running"));
    }
    const { counter } = clientOf(at(0));
    at(2).kill("SIGSTOP");
    try {
      // At a time, before the session of the frozen node expires.
      const filter = ["counter", "--prefix", "listed", "--url", at(0).url];
      const [running, all, list, count] = await Promise.all([
        counter.list(options),
        counter.list({ prefix: ["listed"] }),
        runCli(["actors", "list", ...filter]),
        runCli(["actors", "count", ...filter, "--status", "running"]),
        // Nothing is destroyed whose state is not known.
        assert.rejects(counter.destroyMany({ prefix: ["listed"], status: "sleeping" }), (error) =>
          isErrorCode(error, "cluster", "nodes_silent"),
        ),
      ]);
      assert.deepEqual([running.unanswered, all.unanswered], [["node-3"], ["node-3"]]);
      assert.equal(running.actors.length, keys.length - ofLast);
      assert.equal(all.actors.filter(({ status }) => status === "sleeping").length, ofLast);
      for (const text of [list, count]) {
        assert.match(text, /\nNo answer from node-3: what runs there counts as sleeping\n$/);
      }
    } finally {
      at(2).kill("SIGCONT");
    }
  });

  test("readiness and liveness are reported", async () => {
    for (const node of nodes) {
      assert.equal((await fetch(`${node.url}/livez`)).status, 200);
      // One that was frozen for too long in a test before joins again first.
      await eventually(`${node.name} is ready`, async () =>
        (await fetch(`${node.url}/readyz`)).status === 200 ? true : undefined,
      );
    }
  });

  test("the nodes and their shares are shown, and a node is drained from any other", async () => {
    const cli = (...args: readonly string[]) => runCli(["cluster", ...args, "--url", at(0).url]);
    const before = await cli("status");
    for (const { name } of nodes) assert.match(before, new RegExp(`${name} +serving`));
    const key = await eventually("an actor on the third node", async () => {
      const tried = `drain-${Math.random()}`;
      const pid = await clientOf(at(0)).counter.getOrCreate([tried]).process();
      return pid === at(2).pid ? tried : undefined;
    });
    await cli("drain", at(2).name);
    await eventually("the third node is empty", async () => {
      const { nodes: all } = JSON.parse(await cli("status", "--json")) as {
        readonly nodes: readonly {
          readonly id: string;
          readonly shards: number;
          readonly draining: boolean;
        }[];
      };
      const drained = all.find(({ id }) => id === at(2).name);
      return drained?.draining === true && drained.shards === 0 ? true : undefined;
    });
    assert.equal((await fetch(`${at(2).url}/readyz`)).status, 503);
    assert.notEqual(await clientOf(at(2)).counter.getOrCreate([key]).process(), at(2).pid);
    await assert.rejects(cli("drain", "nobody"), /No node with the id "nobody" is running/);
  });
});

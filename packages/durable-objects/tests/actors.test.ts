import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Client, createClient } from "@holdfast/client";
import { encodeKey, isErrorCode } from "@holdfast/core";
import { startWorker, type TestWorker } from "@holdfast/testing/workers";
import type { TestRegistry } from "./worker/registry.ts";

let worker: TestWorker;
let client: Client<TestRegistry>;

before(async () => {
  worker = await startWorker(`${import.meta.dirname}/worker/main.ts`);
  client = createClient<TestRegistry>(worker.url);
});
after(async () => {
  await client.dispose();
  await worker.dispose();
});

const code =
  (group: string, name: string) =>
  (error: unknown): boolean =>
    isErrorCode(error, group, name);

/** The object of an actor. */
const objectOf = (actorId: string): string => actorId.slice(0, 64);

/** Asks again as soon as the last answer is there: what is waited for happens in another process. */
async function until(isDone: () => Promise<boolean>): Promise<void> {
  while (!(await isDone())) await new Promise((resolve) => setImmediate(resolve));
}

/** Lines in the order of their arrival. */
class Heard {
  readonly lines: string[] = [];
  #waiting: (() => void)[] = [];

  add(line: string): void {
    this.lines.push(line);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async until(line: string): Promise<void> {
    while (!this.lines.includes(line)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

describe("actions and identity", () => {
  for (const encoding of ["cbor", "json"] as const) {
    test(`actions read and write the state, which outlives the object's memory (${encoding})`, async () => {
      const encoded = createClient<TestRegistry>({ endpoint: worker.url, encoding });
      const handle = encoded.counter.getOrCreate(["state", encoding]);
      assert.equal(await handle.increment(2), 2);
      assert.equal(await handle.increment(3), 5);
      assert.equal(await handle.nested.deep.double(), 10);
      const id = await handle.id();
      await handle.sleep();
      await worker.evict(objectOf(id));
      assert.equal(await handle.get(), 5);
      await encoded.dispose();
    });
  }

  test("an actor is created once per key, is found by its id, and its key is free again once it is destroyed", async () => {
    const { counter } = client;
    await assert.rejects(counter.get("once").get(), code("actor", "not_found"));
    const handle = await counter.create("once", { input: { start: 7 } });
    await assert.rejects(counter.create("once"), code("actor", "duplicate_key"));
    const id = await counter.get("once").id();
    assert.equal(await counter.getForId(id).get(), 7);
    assert.equal(await handle.get(), 7);
    await handle.destroy();
    await assert.rejects(counter.getForId(id).get(), code("actor", "not_found"));
    const next = await counter.getOrCreate("once").id();
    assert.notEqual(next, id);
    assert.equal(objectOf(next), objectOf(id));
    assert.equal(await counter.getForId(next).get(), 0);
  });

  test("ids that no object has, and names that are not registered, are not found", async () => {
    const { counter } = client;
    for (const id of [
      "nobody",
      `${"0".repeat(64)}-${"0".repeat(12)}`,
      "018f2b6e-0000-7000-8000-000000000000",
    ]) {
      await assert.rejects(counter.getForId(id).get(), code("actor", "not_found"));
    }
    const url = `${worker.url}/actors/other/~${encodeKey(["a"])}/actions/get`;
    assert.equal((await fetch(url, { method: "POST" })).status, 404);
  });

  test("errors of user code and of the runtime arrive as everywhere", async () => {
    const echo = client.echo.getOrCreate("errors");
    await assert.rejects(
      echo.userError(),
      (error) =>
        isErrorCode(error, "user", "refused") && (error.metadata as { field: string }).field === "name",
    );
    await assert.rejects(echo.crash(), code("internal", "internal_error"));
    await assert.rejects(
      (echo as unknown as { missing(): Promise<void> }).missing(),
      code("actor", "action_not_found"),
    );
    await assert.rejects(echo.same("x".repeat(70_000)), code("message", "incoming_too_long"));
    const value = { date: new Date(5), map: new Map([[1, new Uint8Array([1, 2])]]), big: 2n ** 70n };
    assert.deepEqual(await echo.same(value), value);
  });

  test("a call with the same key runs once, also after the object has lost its memory", async () => {
    const id = await client.counter.getOrCreate("keyed").id();
    const call = async (): Promise<unknown> => {
      const response = await fetch(
        `${worker.url}/actors/counter/@${encodeKey(["keyed"])}/actions/increment`,
        {
          method: "POST",
          headers: { "content-type": "application/json", "idempotency-key": "one" },
          body: JSON.stringify({ args: [1] }),
        },
      );
      return ((await response.json()) as { output: unknown }).output;
    };
    assert.equal(await call(), 1);
    await client.counter.getOrCreate("keyed").sleep();
    await worker.evict(objectOf(id));
    assert.equal(await call(), 1);
    assert.equal(await client.counter.getOrCreate("keyed").get(), 1);
  });

  test("a result streams", async () => {
    const numbers: unknown[] = [];
    for await (const number of await client.store.getOrCreate("stream").countdown(3)) numbers.push(number);
    assert.deepEqual(numbers, [3, 2, 1]);
  });

  test("what an object cannot do is refused with the reason", async () => {
    const list = await fetch(`${worker.url}/actors?name=counter`);
    assert.equal(list.status, 501);
    assert.equal(((await list.json()) as { code: string }).code, "not_supported");
    const store = client.store.getOrCreate("lists");
    await assert.rejects(store.listCounters(), code("gateway", "not_supported"));
    assert.equal((await fetch(`${worker.url}/openapi.json`)).status, 501);
    assert.equal((await fetch(`${worker.url}/nowhere`)).status, 404);
    assert.equal(((await (await fetch(`${worker.url}/health`)).json()) as { status: string }).status, "ok");
  });

  test("nobody outside can pass for an object", async () => {
    const url = `${worker.url}/actors/counter/~${encodeKey(["spoof"])}`;
    assert.equal((await fetch(url, { method: "PUT" })).status, 200);
    const headers = { "x-holdfast-from-object": "1" };
    assert.equal((await fetch(url, { method: "DELETE", headers })).status, 401);
  });
});

describe("storage", () => {
  test("values beyond the size of a row are stored", async () => {
    const store = client.store.getOrCreate("large");
    await store.fill(3_000_000);
    await store.keep("large", 2_000_000);
    await store.keep("small", 10);
    const hash = await store.blob(2_500_000);
    await store.sleep();
    assert.equal(await store.size(), 3_000_000);
    assert.equal(await store.kept("large"), 2_000_000);
    assert.equal(await store.keys(""), 2);
    assert.equal(await store.blobPart(hash, 1_000_000, 2_400_000), 1_400_000);
  });

  test("SQL commits with the turn, and integers stay integers", async () => {
    const ledger = client.ledger.getOrCreate("sql");
    assert.deepEqual(await ledger.add("one", 5), [{ id: 1, kind: "integer" }]);
    assert.deepEqual(await ledger.add("two", 1.5), [{ id: 2, kind: "real" }]);
    assert.deepEqual(await ledger.named("one"), [{ name: "one", amount: 5 }]);
    await assert.rejects(ledger.add("one", 5), code("internal", "internal_error"));
    await ledger.sleep();
    assert.deepEqual(await ledger.names(), ["one", "two"]);
    assert.equal(await ledger.entries(), 2);
  });

  test("a transaction of SQL rolls back alone, nested ones too", async () => {
    const ledger = client.ledger.getOrCreate("transactions");
    await assert.rejects(ledger.transfer(true));
    assert.deepEqual(await ledger.names(), []);
    await ledger.transfer(false);
    assert.deepEqual(await ledger.names(), ["outer"]);
    await ledger.sleep();
    assert.deepEqual(await ledger.names(), ["outer"]);
    assert.equal(await ledger.entries(), 100);
  });

  test("a transaction of the actor rolls back state, keys and SQL together", async () => {
    const ledger = client.ledger.getOrCreate("together");
    assert.deepEqual(await ledger.all(true), { entries: 0, note: null });
    assert.deepEqual(await ledger.names(), []);
    assert.deepEqual(await ledger.all(false), { entries: 1_000, note: "written" });
    await ledger.sleep();
    assert.deepEqual(await ledger.names(), ["all"]);
    assert.equal(await ledger.entries(), 1_000);
  });

  test("the SQL of a turn whose state is refused is undone with it", async () => {
    const strict = client.strict.getOrCreate("refused");
    await strict.add("one");
    await strict.add("two");
    await assert.rejects(strict.add("three"));
    assert.deepEqual(await strict.names(), ["one", "two"]);
    assert.equal(await strict.entries(), 2);
  });

  test("a destroyed actor leaves no tables to the next one of its key", async () => {
    const ledger = client.ledger.getOrCreate("destroyed");
    await ledger.add("one", 1);
    await ledger.sql("CREATE VIRTUAL TABLE search USING fts5(text)");
    await ledger.destroy();
    assert.deepEqual(await client.ledger.getOrCreate("destroyed").names(), []);
    await client.ledger.getOrCreate("destroyed").sql("CREATE TABLE search (text)");
  });
});

describe("another process", () => {
  test("what was acknowledged is there after the runtime was killed, and what was due runs", async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "holdfast-objects-"));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const module = `${import.meta.dirname}/worker/main.ts`;
    const first = await startWorker(module, { directory });
    const before = createClient<TestRegistry>(first.url);
    assert.equal(await before.counter.getOrCreate("killed").increment(3), 3);
    await before.ledger.getOrCreate("killed").add("one", 1);
    await before.clockwork.getOrCreate("killed").in(100);
    await first.dispose();
    await before.dispose();
    const second = await startWorker(module, { directory });
    const client = createClient<TestRegistry>(second.url);
    assert.equal(await client.counter.getOrCreate("killed").increment(1), 4);
    assert.deepEqual(await client.ledger.getOrCreate("killed").names(), ["one"]);
    await until(async () => (await client.clockwork.getOrCreate("killed").counts()).runs === 1);
    await client.dispose();
    await second.dispose();
  });
});

describe("actors that call actors", () => {
  test("an actor calls, connects to and fetches from the actors of other objects", async () => {
    const store = client.store.getOrCreate("caller");
    assert.equal(await store.count("called", 4), 4);
    assert.deepEqual(await store.countTwice("called"), [5, 6]);
    assert.equal(await store.fetchMirror("called"), "GET /hello?x=1");
    const mailbox = client.mailbox.getOrCreate("self");
    assert.equal(await mailbox.sendToSelf("to me"), true);
    assert.equal(await mailbox.take(5_000), "to me");
  });

  test("a message to a queue of another object leaves with the turn, and is answered", async () => {
    const sender = client.sender.getOrCreate("a");
    await sender.sendMany("receiver", 1);
    assert.deepEqual(await sender.ask("receiver", "second"), {
      status: "completed",
      response: { done: "second" },
    });
    assert.deepEqual(await client.worker.getOrCreate("receiver").seen(), ["0", "second"]);
  });
});

describe("queues, schedules, workflows", () => {
  test("a message wakes the actor of an object without memory, and its sender gets the answer", async () => {
    const worker1 = client.worker.getOrCreate("queue");
    assert.deepEqual(await worker1.send("jobs", "one", { wait: true }), {
      status: "completed",
      response: { done: "one" },
    });
    await worker1.sleepNow();
    assert.equal((await worker1.send("jobs", "two", { wait: true })).status, "completed");
    await assert.rejects(worker1.send("locked", "x"), code("auth", "forbidden"));
    await assert.rejects(worker1.send("nobody" as "jobs", "x"), code("queue", "not_defined"));
    assert.deepEqual(await worker1.seen(), ["one", "two"]);
  });
});

describe("schedules and workflows of sleeping actors", () => {
  test("the alarm of an object without memory wakes its actor", async () => {
    const clockwork = client.clockwork.getOrCreate("alarm");
    const id = await client.clockwork.getOrCreate("alarm").resolve();
    await clockwork.in(600);
    await clockwork.in(700);
    await worker.evict(objectOf(id));
    await until(async () => (await clockwork.counts()).runs === 2);
    assert.deepEqual(await clockwork.counts(), { runs: 2, twice: 0, cut: 0 });
    assert.equal(await clockwork.pending(), 0);
  });

  test("a workflow goes on where it slept, after its object has lost its memory", async () => {
    const trip = client.trip.getOrCreate("a");
    const id = await trip.id();
    await worker.evict(objectOf(id));
    await until(async () => (await trip.steps()).length === 2);
    assert.deepEqual(await trip.steps(), ["first", "second"]);
  });
});

describe("connections that outlive the memory of their object", () => {
  /** A connection, and what it hears. */
  async function enter(key: string, name: string, encoding: "cbor" | "json" = "cbor") {
    const own = createClient<TestRegistry>({ endpoint: worker.url, encoding });
    const connection = own.room.getOrCreate(key, { params: { name } }).connect();
    const heard = new Heard();
    connection.on("said", (line) => heard.add(line));
    connection.on("whispered", (line) => heard.add(`whispered ${line}`));
    const states: string[] = [];
    connection.onStatusChange((status) => states.push(status));
    const objectId = objectOf(await connection.id());
    return { connection, heard, states, objectId, leave: () => own.dispose() };
  }

  for (const encoding of ["cbor", "json"] as const) {
    test(`the socket stays, and the next message wakes the actor with its connection (${encoding})`, async () => {
      const key = `room-${encoding}`;
      const ada = await enter(key, "ada", encoding);
      const bob = await enter(key, "bob", encoding);
      assert.equal(await ada.connection.say("one"), "ada 1: one");
      await worker.evict(ada.objectId);
      // Over the socket that the platform kept.
      assert.equal(await ada.connection.say("two"), "ada 2: two");
      await bob.heard.until("ada 2: two");
      await worker.evict(ada.objectId);
      // From outside, to sockets of an object that has just come back.
      await client.room.getOrCreate(key, { params: { name: "caller" } }).announce("three");
      await ada.heard.until("three");
      await bob.heard.until("three");
      await client.room.getOrCreate(key, { params: { name: "caller" } }).whisper("bob", "psst");
      await bob.heard.until("whispered psst");
      assert.equal(ada.heard.lines.includes("whispered psst"), false);
      const said = ada.heard.lines.filter((line) => !line.endsWith("joined"));
      assert.deepEqual(said, ["ada 1: one", "ada 2: two", "three"]);
      assert.deepEqual(
        bob.states.filter((state) => state !== "connected"),
        [],
      );
      assert.ok((await ada.connection.wakes()) >= 3);
      await ada.leave();
      await bob.leave();
    });
  }

  test("a socket remembers more than fits into its attachment", async () => {
    const ada = await enter("many-rooms", "ada");
    await ada.connection.joinMany(100);
    await worker.evict(ada.objectId);
    const room = client.room.getOrCreate("many-rooms", { params: { name: "caller" } });
    await room.whisper("a room with a long name, number 99", "psst");
    await ada.heard.until("whispered psst");
    await ada.leave();
  });

  test("a client that leaves while its object has no memory is noticed", async () => {
    const ada = await enter("leaving", "ada");
    await worker.evict(ada.objectId);
    await ada.leave();
    const room = client.room.getOrCreate("leaving", { params: { name: "caller" } });
    await until(async () => (await room.left()).includes("ada"));
  });

  test("events are streamed over HTTP", async () => {
    const abort = new AbortController();
    const url = `${worker.url}/actors/room/~${encodeKey(["streamed"])}/events?event=said`;
    const headers = {
      "x-holdfast-conn-params": Buffer.from(JSON.stringify({ name: "sse" })).toString("base64url"),
    };
    const response = await fetch(url, { headers, signal: abort.signal });
    assert.equal(response.status, 200);
    await client.room.getOrCreate("streamed", { params: { name: "caller" } }).announce("over HTTP");
    let text = "";
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      if (text.includes("over HTTP")) break;
    }
    abort.abort();
  });

  test("a refused connection is told why", async () => {
    const connection = client.room.get("nobody").connect();
    await assert.rejects(connection.say("hello"), code("actor", "not_found"));
    await connection.dispose();
  });
});

describe("raw requests and sockets", () => {
  test("requests reach onRequest, with their bodies", async () => {
    const mirror = client.mirror.getOrCreate("raw");
    assert.equal(await (await mirror.fetch("/a?b=c")).text(), "GET /a?b=c");
    const echoed = await mirror.fetch("/echo", { method: "POST", body: "x".repeat(300_000) });
    assert.equal((await echoed.text()).length, 300_000);
    assert.equal((await mirror.fetch("/user-error")).status, 400);
    assert.equal((await mirror.fetch("/empty")).status, 204);
  });

  test("a raw socket reaches onWebSocket", async () => {
    const socket = await client.sockets.getOrCreate("raw").webSocket("/chat");
    const received: unknown[] = [];
    const closed = Promise.withResolvers<{ code: number; reason: string }>();
    socket.addEventListener("message", ({ data }: { data: unknown }) => {
      received.push(data);
      if (received.length === 1) socket.send("hello");
      if (received.length === 2) socket.send("close");
    });
    socket.addEventListener("close", (event: { code: number; reason: string }) => closed.resolve(event));
    assert.equal((await closed.promise).code, 4001);
    assert.deepEqual(received, [
      JSON.stringify({ type: "welcome", opened: 1, path: "/websocket/chat" }),
      "hello",
    ]);
  });
});

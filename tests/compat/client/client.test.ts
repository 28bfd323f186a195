/** The published client of `rivetkit`, unmodified, against a registry of this project. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { loadPublished, type PeerClient, type PeerHandle } from "./support/published.ts";
import { peerRegistry } from "./support/registry.ts";

process.env["RIVET_LOG_LEVEL"] = "silent";

const directory = mkdtempSync(join(tmpdir(), "holdfast-peer-client-"));
const registry = peerRegistry(directory);
const { createClient } = await loadPublished();
let endpoint = "";

before(async () => {
  ({ url: endpoint } = await registry.listen({ host: "127.0.0.1", port: 0 }));
});
after(async () => {
  await registry.shutdown();
  rmSync(directory, { recursive: true, force: true });
});

interface PeerError {
  readonly group: string;
  readonly code: string;
  readonly message: string;
  readonly metadata?: unknown;
}

async function errorOf(call: Promise<unknown>): Promise<PeerError> {
  return call.then(
    (value) => assert.fail(`it returned ${String(value)}`),
    (error: PeerError) => error,
  );
}

function nextEvent(conn: PeerHandle, name: string): Promise<unknown[]> {
  return new Promise((resolve) => conn.once(name, (...args: unknown[]) => resolve(args)));
}

function becomes(conn: PeerHandle, status: string): Promise<void> {
  return new Promise((resolve) => {
    conn.onStatusChange((now: string) => {
      if (now === status) resolve();
    });
  });
}

for (const encoding of ["bare", "cbor", "json"] as const) {
  describe(`rivetkit/client in ${encoding}`, () => {
    let client: PeerClient;
    before(() => {
      client = createClient({ endpoint, encoding });
    });
    after(() => client.dispose());
    const key = (name: string): string[] => [encoding, name];

    test("creates, gets and resolves actors", async () => {
      const made = await client.counter.create(key("made"), { input: { start: 5 } });
      const id: string = await made.resolve();
      assert.equal(await made.get(), 5);
      assert.equal(await client.counter.get(key("made")).resolve(), id);
      assert.equal(await client.counter.getOrCreate(key("made")).resolve(), id);
      assert.equal(await client.counter.getForId(id).id(), id);
      const twice = await errorOf(client.counter.create(key("made")));
      assert.deepEqual([twice.group, twice.code], ["actor", "duplicate_key"]);
      const missing = await errorOf(client.counter.get(key("missing")).resolve());
      assert.deepEqual([missing.group, missing.code], ["actor", "not_found"]);
      const unknown = await errorOf(client.counter.getForId("0190a0a0-0000-7000-8000-000000000000").get());
      assert.deepEqual([unknown.group, unknown.code], ["actor", "not_found"]);
      const slashes = client.counter.getOrCreate([encoding, "a/b", "", "\\"]);
      assert.equal(await slashes.resolve(), await slashes.id());
    });

    test("calls actions, creates the actor with its input", async () => {
      const handle = client.counter.getOrCreate(key("calls"), { createWithInput: { start: 10 } });
      assert.equal(await handle.add(2), 12);
      assert.equal(await handle.add(-1), 11);
      assert.equal(await handle.admin.ban("eve"), "banned eve");
      assert.equal(await handle.nothing(), undefined);
      assert.equal(await handle.sizes(), 0);
      assert.equal(await handle.action({ name: "sizes", args: [1, 2, 3] }), 3);
      assert.equal(await client.counter.getOrCreate([]).get(), 0);
    });

    test("passes values both ways, over HTTP and a connection", async () => {
      const handle = client.counter.getOrCreate(key("values"));
      const conn = handle.connect();
      const binary = encoding === "json" ? [] : [new Date(1_700_000_000_123), new Map([["a", 1]]), /a+/gi];
      // The client's JSON has no sets, and its CBOR encodes small bigints as integers.
      const exact = [
        ["$escaped", 1],
        ...(encoding === "cbor" ? [] : [5n]),
        ...(encoding === "json" ? [] : [new Set([1, "two"])]),
      ];
      const values = [
        ...[null, true, "text \u{1f600}", 1.5, -7, 1_700_000_000_123, Number.MAX_SAFE_INTEGER, 2n ** 80n],
        ...[[1, [2]], { a: { b: [] } }, new Uint8Array([0, 1, 255]), "x".repeat(20_000)],
        ...[...binary, ...exact],
      ];
      for (const value of values) {
        for (const caller of [handle, conn]) {
          const back: unknown = await caller.echo(value);
          const plain = back instanceof Uint8Array ? new Uint8Array(back) : back;
          assert.deepEqual(plain, value);
        }
      }
      await conn.dispose();
    });

    test("reads errors with group, code, message and metadata", async () => {
      const handle = client.counter.getOrCreate(key("errors"));
      const conn = handle.connect();
      for (const caller of [handle, conn]) {
        const refused = await errorOf(caller.refuse(3));
        assert.deepEqual(
          [refused.group, refused.code, refused.message, refused.metadata],
          ["user", "sold_out", "Sold out", { left: 3, at: 1_700_000_000_000 }],
        );
        const crashed = await errorOf(caller.crash());
        assert.equal(crashed.code, "internal_error");
        assert.doesNotMatch(crashed.message, /hunter2/);
        const unknown = await errorOf(caller.missing());
        assert.deepEqual([unknown.group, unknown.code], ["actor", "action_not_found"]);
        const stream = await errorOf(caller.count(3));
        assert.deepEqual([stream.group, stream.code], ["action", "stream_unsupported"]);
        assert.equal(await caller.get(), 0);
      }
      await conn.dispose();
    });

    test("connects with parameters, gets events, and unsubscribes", async () => {
      const handle = client.counter.getOrCreate(key("events"), { params: { user: "ann" } });
      assert.deepEqual(await handle.params(), { user: "ann" });
      const conn = handle.connect({ user: "bob\u00e9", tags: ["$odd", 1] });
      const heard: number[] = [];
      const off = conn.on("changed", (count: number) => heard.push(count));
      await conn.ready;
      assert.equal(conn.actorId, await handle.resolve());
      assert.equal(typeof conn.connId, "string");
      assert.deepEqual(await conn.params(), { user: "bob\u00e9", tags: ["$odd", 1] });
      const moved = nextEvent(conn, "moved");
      await conn.add(1);
      await handle.add(1);
      await conn.move(3, 4);
      assert.deepEqual(await moved, [3, 4]);
      assert.deepEqual(heard, [1, 2]);
      off();
      await conn.add(1);
      await conn.get();
      assert.deepEqual(heard, [1, 2]);
      await conn.dispose();
    });

    test("reconnects after a disconnection, and subscribes again", async () => {
      const handle = client.counter.getOrCreate(key("reconnect"));
      const conn = handle.connect();
      const heard: number[] = [];
      conn.on("changed", (count: number) => heard.push(count));
      await conn.ready;
      const first: string = conn.connId;
      const lost = becomes(conn, "disconnected");
      await handle.disconnectAll();
      await lost;
      const event = nextEvent(conn, "changed");
      assert.equal(await conn.add(1), 1);
      assert.deepEqual(await event, [1]);
      assert.deepEqual(heard, [1]);
      assert.notEqual(conn.connId, first);
      await conn.dispose();
    });

    test("keeps its connection while the actor sleeps", async () => {
      const handle = client.counter.getOrCreate(key("sleep"));
      const conn = handle.connect();
      await conn.ready;
      const before: string = conn.connId;
      await handle.add(1);
      await handle.rest();
      const event = nextEvent(conn, "changed");
      assert.equal(await conn.add(1), 2);
      assert.deepEqual(await event, [2]);
      assert.equal(conn.connId, before);
      await conn.dispose();
    });

    test("sends messages to queues, and waits for them", async () => {
      const handle = client.worker.getOrCreate(key("queue"));
      assert.equal(await handle.send("jobs", { text: "one" }), undefined);
      const result = await handle.send("jobs", { text: "three" }, { wait: true, timeout: 5_000 });
      assert.deepEqual(result, { status: "completed", response: { length: 5 } });
      assert.deepEqual(await handle.done(), ["one", "three"]);
      const late = await handle.send("idle", "later", { wait: true, timeout: 1 });
      assert.deepEqual(late, { status: "timedOut" });
      const conn = handle.connect();
      await conn.ready;
      const sent = await conn.send("jobs", { text: "by conn" }, { wait: true, timeout: 5_000 });
      assert.equal(sent.status, "completed");
      await conn.dispose();
      const undefinedQueue = await errorOf(handle.send("missing", 1));
      assert.deepEqual([undefinedQueue.group, undefinedQueue.code], ["queue", "not_defined"]);
    });

    test("sends raw requests", async () => {
      const handle = client.raw.getOrCreate(key("raw"), { params: { user: "ann" } });
      const init = { method: "POST", body: "hello", headers: { "x-own": "1" } };
      const response: Response = await handle.fetch("path/to?x=%20a&y=1", init);
      assert.equal(response.headers.get("x-kind"), "raw");
      const { origin, ...seen } = (await response.json()) as Record<string, unknown>;
      assert.equal(typeof origin, "string");
      const expected = { method: "POST", pathname: "/path/to", search: "?x=%20a&y=1", body: "hello" };
      assert.deepEqual(seen, { ...expected, own: ["x-own"], params: { user: "ann" } });
      const teapot: Response = await handle.fetch("/teapot");
      assert.equal(teapot.status, 418);
      const request = new Request("https://shop.example/cart?id=7", { method: "PUT", body: "2" });
      const sent = (await (await handle.fetch(request)).json()) as Record<string, unknown>;
      assert.deepEqual(
        [sent["origin"], sent["search"], sent["body"]],
        ["https://shop.example", "?id=7", "2"],
      );
      const none = await handle.fetch("/x", { skipReadyWait: true });
      assert.equal(none.status, 200);
      const id: string = await handle.resolve();
      const direct: Response = await client.raw.getForId(id).fetch("/by-id?z=1", {
        skipReadyWait: true,
      });
      assert.equal(((await direct.json()) as { search: string }).search, "?z=1");
      const counter = await client.counter.getOrCreate(key("raw")).fetch("/x");
      assert.equal(counter.status, 404);
      assert.equal(((await counter.json()) as PeerError).code, "request_not_defined");
    });

    test("opens raw WebSockets", async () => {
      const handle = client.raw.getOrCreate(key("socket"), { params: { user: "ann" } });
      const id: string = await handle.resolve();
      const byId = client.raw.getForId(id, { params: { user: "ann" } });
      for (const socket of [
        await handle.webSocket("chat?room=1"),
        await byId.webSocket("/chat"),
        await byId.webSocket("/chat", undefined, { skipReadyWait: true }),
      ]) {
        const heard: unknown[] = [];
        const three = new Promise<void>((resolve) => {
          socket.addEventListener("message", ({ data }: { data: unknown }) => {
            heard.push(typeof data === "string" ? data : [...new Uint8Array(data as ArrayBuffer)]);
            if (heard.length === 3) resolve();
          });
        });
        await new Promise((resolve) => socket.addEventListener("open", resolve));
        socket.send("text");
        socket.send(new Uint8Array([1, 2]));
        socket.send("params");
        await three;
        assert.deepEqual(heard, ["text", [1, 2], JSON.stringify({ user: "ann" })]);
        const closed = new Promise<{ code: number; reason: string }>((resolve) =>
          socket.addEventListener("close", resolve),
        );
        socket.send("close");
        const { code, reason } = await closed;
        assert.deepEqual([code, reason], [4000, "as asked"]);
      }
    });

    test("connects by id and with skipReadyWait, reloads, and destroys", async () => {
      const handle = client.counter.getOrCreate(key("by-id"));
      const id: string = await handle.resolve();
      const conn = client.counter.getForId(id).connect(undefined, { skipReadyWait: true });
      assert.equal(await conn.add(4), 4);
      await conn.dispose();
      await handle.reload();
      assert.equal(await handle.get(), 4);
      await handle.destroy();
      const gone = await errorOf(client.counter.get(key("by-id")).resolve());
      assert.deepEqual([gone.group, gone.code], ["actor", "not_found"]);
      assert.equal(await handle.get(), 0, "a new actor has the key");
    });

    test("opens a namespace with its token only", async (t) => {
      const acme = createClient({ endpoint, encoding, namespace: "acme", token: "acme-secret-token" });
      const other = createClient({ endpoint, encoding, namespace: "acme", token: "another-secret-token" });
      t.after(() => Promise.all([acme.dispose(), other.dispose()]));
      const handle = acme.counter.getOrCreate(key("tenant"));
      assert.equal(await handle.add(7), 7);
      const conn = handle.connect();
      assert.equal(await conn.get(), 7);
      const id: string = await handle.resolve();
      assert.equal(await acme.counter.getForId(id).get(), 7);
      assert.equal(await client.counter.getOrCreate(key("tenant")).get(), 0);
      for (const ask of [
        () => other.counter.getOrCreate(key("tenant")).get(),
        () => other.counter.getOrCreate(key("tenant")).resolve(),
        () => other.counter.getForId(id).get(),
        () => client.counter.getForId(id).get(),
      ]) {
        const refused = await errorOf(ask());
        assert.deepEqual([refused.group, refused.code], ["namespace", "unauthorized"]);
      }
      const refusedConn = other.counter.getOrCreate(key("tenant")).connect();
      const reason = await new Promise<PeerError>((resolve) => refusedConn.onError(resolve));
      assert.deepEqual([reason.group, reason.code], ["namespace", "unauthorized"]);
    });

    test("gives a URL that any client can use", async () => {
      const url: string = await client.raw.getOrCreate(key("url")).getGatewayUrl();
      const [base = "", query = ""] = url.split("?");
      const response = await fetch(`${base}/request/by-hand?${query}&own=1`);
      const { search } = (await response.json()) as { search: string };
      assert.deepEqual([response.status, search], [200, "?own=1"]);
    });
  });
}

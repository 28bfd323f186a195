import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { actor } from "@holdfast/actors";
import { isErrorCode } from "@holdfast/core";
import { serve } from "./support.ts";

const echo = actor({
  actions: { echo: (_c, ...args: unknown[]) => args },
  onRequest: () => new Response("hello"),
  onWebSocket: (_c, socket) => socket.send("hello"),
});

/** What programs without types give, which the types of a handle do not allow. */
interface Untyped {
  action(options?: unknown): Promise<unknown>;
  send(queue: unknown, body: unknown): Promise<unknown>;
  fetch(path: string, init: null): Promise<Response>;
  webSocket(path: null, protocols: null, options: null): Promise<WebSocket>;
}

interface UntypedHandle extends Untyped {
  connect(): Untyped & { dispose(): Promise<void> };
}

interface UntypedAccessor {
  create(key: string, options: unknown): Promise<UntypedHandle>;
  get(key: string, options: unknown): UntypedHandle;
  getOrCreate(key: string, options: unknown): UntypedHandle;
  count(options: null): Promise<number>;
  list(options: null): Promise<{ readonly actors: readonly unknown[] }>;
}

const isInvalid = (error: unknown): boolean => isErrorCode(error, "client", "invalid_action");

for (const way of ["json", "cbor", "in process"] as const) {
  describe(`what the types of a client do not allow, ${way}`, () => {
    test("a call without a name is refused, and the connection goes on", async (t) => {
      const running = await serve(t, { echo });
      const client = way === "in process" ? running.registry.client : running.client({ encoding: way });
      const handle = client.echo.getOrCreate("e");
      const connection = handle.connect();
      for (const each of [handle, connection] as unknown as Untyped[]) {
        for (const given of [undefined, null, "echo", {}])
          await assert.rejects(each.action(given), isInvalid);
        await assert.rejects(each.send(5, "body"), (error) => isErrorCode(error, "queue", "not_defined"));
        assert.deepEqual(await each.action({ name: "echo" }), []);
        assert.deepEqual(await each.action({ name: "echo", args: null }), []);
        assert.deepEqual(await each.action({ name: "echo", args: "one" }), ["one"]);
        assert.deepEqual(await each.action({ name: "echo", args: { a: 1 } }), [{ a: 1 }]);
        const unknown = each.action({ name: 5, args: [] });
        await assert.rejects(unknown, (error) => isErrorCode(error, "actor", "action_not_found"));
      }
      const on = connection.on as unknown as (event: unknown, callback: () => void) => () => void;
      for (const event of [5, undefined, null, Symbol("no text")]) on(event, () => undefined)();
      assert.deepEqual(await connection.echo(1), [1]);
      await connection.dispose();
    });

    test("options of null are none, and so is each of them", async (t) => {
      const running = await serve(t, { echo });
      const client = way === "in process" ? running.registry.client : running.client({ encoding: way });
      const untyped = client.echo as unknown as UntypedAccessor;
      const none = { signal: null, getParams: null };
      const made = [await untyped.create("made", null), await untyped.create("other", none)];
      for (const handle of [...made, untyped.get("made", null), untyped.getOrCreate("e", none)]) {
        const connection = handle.connect();
        for (const each of [handle, connection]) {
          const nothing = { name: "echo", args: [1], signal: null, idempotencyKey: null };
          assert.deepEqual(await each.action(nothing), [1]);
          assert.deepEqual(await each.action({ name: "echo", args: [2], idempotencyKey: 5 }), [2]);
        }
        const socket = await handle.webSocket(null, null, null);
        socket.close();
        await connection.dispose();
      }
      assert.equal(await untyped.count(null), 3);
      assert.equal((await untyped.list(null)).actors.length, 3);
    });

    test("null is as nothing", async (t) => {
      const running = await serve(t, { echo });
      const client = way === "in process" ? running.registry.client : running.client({ encoding: way });
      const handle = client.echo.getOrCreate("e") as unknown as Untyped;
      assert.equal(await (await handle.fetch("/", null)).text(), "hello");
      const socket = await handle.webSocket(null, null, null);
      const heard = await new Promise((resolve) => {
        socket.addEventListener("message", ({ data }) => resolve(data), { once: true });
      });
      assert.equal(heard, "hello");
      socket.close();
    });

    test("who asks for it when a connection is open hears of that, once", async (t) => {
      const running = await serve(t, { echo });
      const client = way === "in process" ? running.registry.client : running.client({ encoding: way });
      const connection = client.echo.getOrCreate("e").connect();
      await connection.ready;
      const heard: string[] = [];
      const twice = (): void => void heard.push("twice");
      connection.onOpen(twice);
      connection.onOpen(twice);
      connection.onOpen(() => heard.push("not"))();
      connection.onStatusChange((status) => heard.push(status));
      assert.equal(heard.length, 0);
      await connection.echo();
      assert.deepEqual(heard, ["twice", "twice"]);
      await connection.dispose();
      connection.onOpen(() => heard.push("late"));
      await Promise.resolve();
      assert.deepEqual(heard, ["twice", "twice", "idle"]);
    });
  });
}

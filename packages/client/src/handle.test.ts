import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { createClientWithDriver } from "./client.ts";
import type { ActorTarget, ClientDriver } from "./driver.ts";

/** A driver whose actors are created when the test says so, and whose calls return the action's name. */
function standIn() {
  const made = Promise.withResolvers<string>();
  const seen = { resolves: 0, sockets: 0 };
  const driver: Partial<ClientDriver> = {
    resolve: (_target: ActorTarget, signal) => {
      seen.resolves++;
      return new Promise((resolve, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
        made.promise.then(resolve);
      });
    },
    prepareArgs: () => ({ data: "", size: 0 }),
    call: async ({ action }) => action,
    webSocket: () => {
      seen.sockets++;
      throw new Error("no socket is to be opened");
    },
    dispose: async () => {},
  };
  return { made, seen, client: createClientWithDriver(driver as ClientDriver) };
}

test("cancelling a call while its actor is created with input fails no other call", async () => {
  const { made, seen, client } = standIn();
  const handle = client.getOrCreate("room", "a", { createWithInput: 1 });
  const leaving = new AbortController();
  const first = handle.action({ name: "first", signal: leaving.signal });
  const second = handle.action({ name: "second" });
  leaving.abort(new Error("it has left"));
  await assert.rejects(first, /it has left/);
  made.resolve("id");
  assert.equal(await second, "second");
  assert.equal(await handle.action({ name: "third" }), "third");
  assert.equal(seen.resolves, 1);
});

test("a disposed client opens no raw socket that was about to open", async () => {
  for (const getParams of [undefined, async () => "params"]) {
    const { seen, client } = standIn();
    const opening = client.get("room", "a", getParams && { getParams }).webSocket("/");
    const refused = assert.rejects(opening, (error) => isErrorCode(error, "client", "disposed"));
    await client.dispose();
    await refused;
    assert.equal(seen.sockets, 0);
  }
});

test("disposing a client while its actor is created rejects all waiting calls", async () => {
  const { client } = standIn();
  const handle = client.getOrCreate("room", "a", { createWithInput: 1 });
  const refused = assert.rejects(handle.action({ name: "first" }), (error) =>
    isErrorCode(error, "client", "disposed"),
  );
  await client.dispose();
  await refused;
});

test("a send that is aborted while it is queued rejects immediately and is not sent", async () => {
  const sent: string[] = [];
  const first = Promise.withResolvers<{ readonly status: "completed" }>();
  const driver: Partial<ClientDriver> = {
    keepsOrder: false,
    prepareSend: () => ({ data: "", size: 0 }),
    send: ({ queue }) => {
      sent.push(queue);
      return queue === "first" ? first.promise : Promise.resolve({ status: "completed" });
    },
    dispose: async () => {},
  };
  const handle = createClientWithDriver(driver as ClientDriver).get("room", "a");
  const before = handle.send("first", 1);
  const leaving = new AbortController();
  const given = handle.send("given up", 2, { signal: leaving.signal });
  const after = handle.send("after", 3);
  leaving.abort(new Error("it has left"));
  await assert.rejects(given, /it has left/);
  first.resolve({ status: "completed" });
  await Promise.all([before, after]);
  assert.deepEqual(sent, ["first", "after"]);
});

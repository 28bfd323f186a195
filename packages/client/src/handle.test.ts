import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { createClientWithDriver } from "./client.ts";
import type { ActorTarget, ClientDriver } from "./driver.ts";

/** A way to actors that are made when the test lets them be, and answer each call with its name. */
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

test("a call that is cancelled while its actor is made with an input ends no other call", async () => {
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

test("a client that is disposed of while a raw socket is about to be opened opens none", async () => {
  for (const getParams of [undefined, async () => "params"]) {
    const { seen, client } = standIn();
    const opening = client.get("room", "a", getParams && { getParams }).webSocket("/");
    const refused = assert.rejects(opening, (error) => isErrorCode(error, "client", "disposed"));
    await client.dispose();
    await refused;
    assert.equal(seen.sockets, 0);
  }
});

test("a client that is disposed of while its actor is made ends all that wait for it", async () => {
  const { client } = standIn();
  const handle = client.getOrCreate("room", "a", { createWithInput: 1 });
  const refused = assert.rejects(handle.action({ name: "first" }), (error) =>
    isErrorCode(error, "client", "disposed"),
  );
  await client.dispose();
  await refused;
});

test("a send that is given up while it waits behind others ends at once, and is not sent", async () => {
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

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tasks } from "@holdfast/core";
import { createClientWithDriver } from "../client.ts";
import type { ClientDriver, DriverListener } from "../driver.ts";
import { clientPorts } from "../internal/ports.ts";

const init = { type: "init", version: 1, actorId: "actor", connId: "conn" } as const;
const cutOff = { error: { group: "client", code: "network_error", message: "It was cut off" }, final: false };

/** A connection to a simulated server, and the timers that it sets. */
function played() {
  const asked: DriverListener[] = [];
  const early: (readonly string[] | undefined)[] = [];
  const sent: unknown[] = [];
  const waiting = new Set<() => void>();
  const clock = { at: 0, now: () => clock.at };
  const tasks: Tasks = {
    ...clientPorts.tasks,
    after: (_delayMs, fn) => {
      waiting.add(fn);
      return { cancel: () => waiting.delete(fn) };
    },
  };
  const driver: Partial<ClientDriver> = {
    sendsOverConnections: true,
    prepare: (frame) => ({ data: JSON.stringify(frame), size: 0 }),
    connect: (_target, _params, listener, _resume, events) => {
      asked.push(listener);
      early.push(events);
      return {
        send: ({ data }) => void sent.push(JSON.parse(String(data))),
        close: () => undefined,
        lose: () => undefined,
      };
    },
    dispose: async () => undefined,
  };
  const comebacks = new Set<() => void>();
  const onReconnectTrigger = (listener: () => void) => {
    comebacks.add(listener);
    return () => comebacks.delete(listener);
  };
  const ports = { ...clientPorts, tasks, clock, onReconnectTrigger };
  const client = createClientWithDriver(driver as ClientDriver, ports);
  return { client, asked, early, sent, waiting, clock, comebacks };
}

test("a client and a server of two protocol versions say which of them is too old, and do not try again", async () => {
  for (const [version, older] of [
    [2, "client"],
    [0, "server"],
  ] as const) {
    const { client, asked, waiting } = played();
    const conn = client.get("room", "a").connect();
    await new Promise((resolve) => setImmediate(resolve));
    asked[0]?.frame({ ...init, version });
    await assert.rejects(conn.ready, {
      ...{ group: "client", code: "unsupported_protocol" },
      message: new RegExp(`^Protocol ${version} of the server, 1 of this client: update the ${older}$`),
    });
    assert.equal(waiting.size, 0);
  }
});

test("a connection that its close listener disposes stays disposed", async () => {
  const { client, asked, waiting } = played();
  const conn = client.get("room", "a").connect();
  const statuses: string[] = [];
  void conn.onStatusChange((status) => {
    statuses.push(status);
    if (status === "disconnected") void conn.dispose();
  });
  await new Promise((resolve) => setImmediate(resolve));
  asked[0]?.frame(init);
  asked[0]?.closed(cutOff);
  assert.deepEqual(statuses, ["connected", "disconnected", "idle"]);
  assert.equal(waiting.size, 0, "nothing is tried again");
});

test("a connection that its status listener disposes sends nothing more", async () => {
  const { client, asked, waiting } = played();
  let params = 0;
  const conn = client.get("room", "a", { getParams: () => ++params }).connect();
  await new Promise((resolve) => setImmediate(resolve));
  void conn.onStatusChange((status) => status === "connecting" && void conn.dispose());
  asked[0]?.frame(init);
  asked[0]?.closed(cutOff);
  for (const again of [...waiting]) again();
  assert.equal(conn.connStatus, "idle");
  assert.equal(params, 1);
});

test("a wait for a queue times out while its connection is lost", async () => {
  const { client, asked, waiting, clock } = played();
  const conn = client.get("room", "a").connect();
  await new Promise((resolve) => setImmediate(resolve));
  asked[0]?.frame(init);
  const sent = conn.send("jobs", "x", { wait: true, timeout: 5_000 });
  clock.at = 4_000;
  asked[0]?.closed(cutOff);
  clock.at = 5_000;
  for (const due of [...waiting]) due();
  assert.deepEqual(await sent, { status: "timedOut" });
  await conn.dispose();
});

test("the handshake carries the first subscriptions, frames carry the rest", async () => {
  const { client, asked, early, sent } = played();
  const conn = client.get("room", "a").connect();
  const offs = ["kept", "given up", "taken up again"].map((name) => conn.on(name, () => undefined));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(early, [["kept", "given up", "taken up again"]]);
  offs[1]?.();
  offs[2]?.();
  void conn.on("taken up again", () => undefined);
  void conn.on("late", () => undefined);
  asked[0]?.frame(init);
  assert.deepEqual(sent, [
    { type: "subscribe", event: "late" },
    { type: "unsubscribe", event: "given up" },
  ]);
  await conn.dispose();
});

test("a waiting connection reconnects immediately when the network or the user is back", async () => {
  const { client, asked, waiting, comebacks } = played();
  const conn = client.get("room", "a").connect();
  await new Promise((resolve) => setImmediate(resolve));
  asked[0]?.frame(init);
  assert.equal(comebacks.size, 0, "an open connection waits for nothing");
  asked[0]?.closed(cutOff);
  assert.equal(conn.connStatus, "disconnected");
  for (const back of [...comebacks]) back();
  assert.equal(conn.connStatus, "connecting");
  assert.deepEqual([waiting.size, comebacks.size], [0, 0], "one attempt, not a second one at its time");
  await new Promise((resolve) => setImmediate(resolve));
  asked[1]?.frame(init);
  assert.equal(conn.connStatus, "connected");
  asked[1]?.closed(cutOff);
  await conn.dispose();
  assert.deepEqual([waiting.size, comebacks.size], [0, 0], "nothing is left behind");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "@holdfast/core";
import { decodeHint, encodeHint } from "./hint.ts";
import type { WakeupTransport } from "./transport.ts";
import { alarmPollMs, Wakeups } from "./wakeups.ts";

const node = { id: "b", incarnation: "1", address: "http://127.0.0.1:1" };

function createWakeups(failing = false) {
  const seen: unknown[] = [];
  const warnings: string[] = [];
  const wakeups = new Wakeups({
    log: { ...silentLogger, warn: (message) => void warnings.push(message) },
    leases: async (revision) => {
      if (failing) throw new Error("the store is away");
      seen.push({ revision });
    },
    due: (at) => void seen.push({ at }),
    start: (name, place) => void seen.push({ name, place }),
  });
  return { wakeups, seen, warnings };
}

function transport(name: WakeupTransport["name"], isUp: boolean, delivers: boolean) {
  const sent: string[] = [];
  const made: WakeupTransport = {
    ...{ name, isUp, close: async () => undefined },
    send: async (_node, message) => {
      sent.push(message);
      return delivers;
    },
  };
  return { ...made, sent };
}

test("a hint is read as it was written, and anything else is no hint", () => {
  for (const hint of [
    { kind: "leases", revision: 7 },
    { kind: "due", at: 1_700_000_000_000 },
    { kind: "start", name: "counter" },
    { kind: "start", name: "counter", place: "pool=gpu" },
  ] as const) {
    assert.deepEqual(decodeHint(encodeHint(hint)), hint);
  }
  const wrong = [
    "",
    "{",
    "null",
    "7",
    '{"v":2,"kind":"leases","revision":7}',
    '{"kind":"leases","revision":7}',
    '{"v":1,"kind":"leases"}',
    '{"v":1,"kind":"leases","revision":-1}',
    '{"v":1,"kind":"leases","revision":"7"}',
    '{"v":1,"kind":"due","at":1e300}',
    '{"v":1,"kind":"other","at":1}',
    `{"v":1,"kind":"due","at":1${" ".repeat(1_000)}}`,
  ];
  for (const message of wrong) assert.equal(decodeHint(message), undefined, message);
});

test("the first transport that delivers a hint is used, and one that does not is followed by the next", async () => {
  const { wakeups } = createWakeups();
  const [nats, links, notify] = [
    transport("nats", false, false),
    transport("links", true, true),
    transport("notify", true, true),
  ];
  wakeups.use([nats, links, notify]);
  await wakeups.tell([node], { kind: "due", at: 5 });
  assert.deepEqual([nats.sent.length, links.sent.length, notify.sent.length], [1, 1, 0]);
  assert.deepEqual(wakeups.up, ["links", "notify"]);
});

test("nodes look more often while no transport is up", () => {
  const { wakeups } = createWakeups();
  assert.equal(alarmPollMs(wakeups), 1_000);
  wakeups.use([transport("nats", false, true)]);
  assert.equal(alarmPollMs(wakeups), 1_000);
  wakeups.use([transport("nats", true, true)]);
  assert.equal(alarmPollMs(wakeups), 5_000);
});

test("a hint that comes twice, or that cannot be followed, does no harm; other messages are logged once", async () => {
  const { wakeups, seen, warnings } = createWakeups();
  const message = encodeHint({ kind: "leases", revision: 3 });
  await wakeups.receive(message);
  await wakeups.receive(message);
  await wakeups.receive(encodeHint({ kind: "due", at: 9 }));
  assert.deepEqual(seen, [{ revision: 3 }, { revision: 3 }, { at: 9 }]);
  await wakeups.receive("what?");
  await wakeups.receive("what?");
  assert.equal(warnings.length, 1);
  await createWakeups(true).wakeups.receive(message);
});

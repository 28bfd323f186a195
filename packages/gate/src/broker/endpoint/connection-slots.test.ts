import assert from "node:assert/strict";
import { test } from "node:test";
import { endpointLimits } from "../broker-limits.ts";
import { ConnectionSlots } from "./connection-slots.ts";

const most = endpointLimits.maxConnections;

function setup() {
  const time = { now: 1_000 };
  const places = new ConnectionSlots(() => time.now);
  const taken = (count: number) => Array.from({ length: count }, () => places.take());
  return { time, places, taken };
}

test("no more connections are let in at once than may be, though none of their handshakes is over", () => {
  const { taken } = setup();
  assert.deepEqual(taken(most), Array<boolean>(most).fill(true));
  assert.deepEqual(taken(2), [false, false]);
});

test("a handshake that is over keeps its place for as long as the connection lasts", () => {
  const { time, places, taken } = setup();
  taken(most);
  for (let n = 0; n < most; n++) places.hold();
  time.now += 100 * endpointLimits.handshakeMs;
  assert.equal(places.take(), false);
  places.free();
  assert.deepEqual([places.take(), places.take()], [true, false]);
});

test("a place whose handshake never ends is free again after the time of one, and no sooner", () => {
  const { time, places, taken } = setup();
  taken(most - 1);
  time.now += endpointLimits.handshakeMs - 1;
  assert.deepEqual([places.take(), places.take()], [true, false]);
  time.now += 1;
  assert.deepEqual(taken(most), [...Array<boolean>(most - 1).fill(true), false]);
});

test("an end that was told twice gives nobody two places", () => {
  const { places, taken } = setup();
  places.free();
  places.free();
  assert.deepEqual(taken(most + 1).filter(Boolean).length, most);
});

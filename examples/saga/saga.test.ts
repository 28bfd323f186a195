import assert from "node:assert/strict";
import { test } from "node:test";
import { setupTest } from "holdfast/test";
import { registry } from "./actors.ts";

async function settled(free: { hotel: number }, t: Parameters<typeof setupTest>[0]) {
  const { client, clock } = await setupTest(t, registry, { paused: true });
  await client.seats.create(["train"], { input: { free: 5 } });
  await client.seats.create(["ferry"], { input: { free: 5 } });
  await client.seats.create(["hotel"], { input: { free: free.hotel } });
  const trip = client.trip.getOrCreate(["summer"]);
  await trip.status();
  await clock.advance("5s");
  return {
    status: await trip.status(),
    train: await client.seats.get(["train"]).free(),
    ferry: await client.seats.get(["ferry"]).free(),
  };
}

test("all is booked", async (t) => {
  assert.deepEqual(await settled({ hotel: 1 }, t), { status: "booked", train: 4, ferry: 4 });
});

test("without a hotel, the train and the ferry are given back", async (t) => {
  assert.deepEqual(await settled({ hotel: 0 }, t), { status: "undone", train: 5, ferry: 5 });
});

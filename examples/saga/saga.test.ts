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

test("a crash at any moment books each leg once, or gives it back once", async (t) => {
  const legs = ["train", "ferry", "hotel"];
  for (const hotel of [5, 0]) {
    for (let ticks = 0; ticks < 40; ticks++) {
      const { client, clock, crash, dispose } = await setupTest(t, registry, { paused: true });
      for (const leg of legs)
        await client.seats.create([leg], { input: { free: leg === "hotel" ? hotel : 5 } });
      const trip = client.trip.getOrCreate(["summer"]);
      const asked = trip.status();
      for (let tick = 0; tick < ticks; tick++) await new Promise(setImmediate);
      await crash();
      await clock.advance("5s");
      await asked;
      await clock.advance("5s");
      const isBooked = (await trip.status()) === "booked";
      assert.equal(isBooked, hotel > 0);
      for (const leg of legs) {
        const before = leg === "hotel" ? hotel : 5;
        const free = await client.seats.get([leg]).free();
        assert.equal(free, isBooked ? before - 1 : before, `${leg}, after a crash at ${ticks}`);
      }
      await dispose();
    }
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { LatestLoad } from "./loads.ts";

test("a superseded load delivers nothing and settles with the newer one", async () => {
  const loads = new LatestLoad();
  const log: string[] = [];
  const tell = (answer: string) => log.push(`shown ${answer}`);
  const older = Promise.withResolvers<string>();
  const newer = Promise.withResolvers<string>();
  const olderOver = loads.run(1, older.promise, tell).then(() => log.push("older over"));
  const newerOver = loads.run(1, newer.promise, tell).then(() => log.push("newer over"));
  older.resolve("old");
  for (let tick = 0; tick < 20; tick++) await undefined;
  assert.deepEqual(log, []);
  newer.resolve("new");
  await Promise.all([olderOver, newerOver]);
  assert.equal(log[0], "shown new");
  assert.deepEqual(log.slice(1).sort(), ["newer over", "older over"]);
});

test("a load does not wait for a load of another owner", async () => {
  const loads = new LatestLoad();
  const told: string[] = [];
  const left = loads.run("left", Promise.resolve("late"), (answer) => told.push(answer));
  void loads.run("right", new Promise<string>(() => {}), (answer) => told.push(answer));
  await left;
  assert.deepEqual(told, []);
});

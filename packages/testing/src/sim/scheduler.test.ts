import assert from "node:assert/strict";
import { test } from "node:test";
import { Lane, processTasks, Scheduler } from "./scheduler.ts";
import { SeededRandom } from "./seeded.ts";
import { Trace } from "./trace.ts";

function scheduler(seed: string): { readonly scheduler: Scheduler; readonly trace: Trace } {
  const trace = new Trace(100);
  return { scheduler: new Scheduler(new SeededRandom(seed), trace), trace };
}

async function order(seed: string): Promise<string> {
  const { scheduler: own } = scheduler(seed);
  const seen: string[] = [];
  for (const name of "abcdef") own.after(10, name, () => void seen.push(name));
  while (await own.step());
  return seen.join("");
}

test("the seed determines the order of ready events", async () => {
  const orders = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const first = await order(String(seed));
    assert.equal(first, await order(String(seed)));
    assert.equal([...first].sort().join(""), "abcdef");
    orders.add(first);
  }
  assert.ok(orders.size > 10);
});

test("no event runs before its time, or before its predecessors in a lane", async () => {
  const { scheduler: own } = scheduler("lane");
  const begun = own.time;
  const lane = new Lane(own);
  const seen: string[] = [];
  lane.push(50, "first", () => void seen.push(`first ${own.time >= begun + 50}`));
  lane.push(1, "second", () => void seen.push("second"));
  while (await own.step());
  assert.deepEqual(seen, ["first true", "second"]);
});

test("microtasks run before the next event, and time stops at the given limit", async () => {
  const { scheduler: own } = scheduler("until");
  const seen: string[] = [];
  own.after(1, "one", () => {
    void Promise.resolve()
      .then(() => undefined)
      .then(() => seen.push("microtask"));
  });
  own.after(100, "later", () => seen.push("later"));
  const until = own.time + 60;
  while (await own.step(until));
  assert.deepEqual(seen, ["microtask"]);
  assert.equal(own.time, until);
});

test("the tasks of a process end with it", async () => {
  const { scheduler: own } = scheduler("end");
  const tasks = processTasks(own, "p");
  const fail = (): void => assert.fail("it has ended");
  tasks.after(10, fail);
  tasks.macrotask(fail);
  tasks.end();
  tasks.after(1, fail);
  tasks.macrotask(fail);
  while (await own.step());
  assert.equal(own.pending, 0);
  assert.equal(tasks.timers, 0);
});

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { IdleAgents } from "./idle-agents.ts";

function idleAgents(t: TestContext) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const evicted: string[] = [];
  const agents = new IdleAgents({ idleMs: 1_000, most: 2, evict: (id) => evicted.push(id) });
  return { agents, evicted, pass: (ms: number) => t.mock.timers.tick(ms) };
}

test("an idle agent is stopped after its time, and one that works again is not", (t) => {
  const { agents, evicted, pass } = idleAgents(t);
  agents.add("a");
  agents.add("b");
  agents.delete("b");
  pass(999);
  assert.deepEqual(evicted, []);
  pass(1);
  assert.deepEqual(evicted, ["a"]);
});

test("an agent stays while a terminal is open, and has its whole time after the last one", (t) => {
  const { agents, evicted, pass } = idleAgents(t);
  const first = agents.hold("a");
  agents.add("a");
  const second = agents.hold("a");
  pass(5_000);
  first();
  first();
  pass(5_000);
  assert.deepEqual(evicted, []);
  second();
  pass(999);
  assert.deepEqual(evicted, []);
  pass(1);
  assert.deepEqual(evicted, ["a"]);
});

test("too many are stopped at once: those without a terminal first, longest idle first", (t) => {
  const { agents, evicted } = idleAgents(t);
  agents.hold("a");
  for (const id of ["a", "b", "c"]) agents.add(id);
  assert.deepEqual(evicted, ["b"]);
  agents.hold("c");
  agents.hold("d");
  agents.add("d");
  assert.deepEqual(evicted, ["b", "a"]);
});

test("nothing is stopped after the end", (t) => {
  const { agents, evicted, pass } = idleAgents(t);
  agents.add("a");
  agents.close();
  pass(5_000);
  assert.deepEqual(evicted, []);
});

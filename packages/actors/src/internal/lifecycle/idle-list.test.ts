import assert from "node:assert/strict";
import { test } from "node:test";
import { type Ports, silentLogger } from "@holdfast/core";
import { IdleList, type Idler, idleListOf } from "./idle-list.ts";

/** A clock that can be set, with timers that run on a monotonic time, as on a real machine. */
function machine() {
  let wall = 1_000_000;
  let elapsed = 0;
  const timers = new Set<{ readonly at: number; readonly fn: () => void }>();
  const ports: Ports = {
    clock: { now: () => wall },
    random: { bytes: (length) => new Uint8Array(length) },
    log: silentLogger,
    tasks: {
      macrotask: (fn) => fn(),
      after: (delayMs, fn) => {
        const timer = { at: elapsed + delayMs, fn };
        timers.add(timer);
        return { cancel: () => void timers.delete(timer) };
      },
    },
  };
  return {
    ports,
    timers,
    set: (by: number) => {
      wall += by;
    },
    pass: (ms: number) => {
      for (let i = 0; i < ms; i++) {
        wall++;
        elapsed++;
        for (const timer of [...timers]) {
          if (timer.at > elapsed || !timers.delete(timer)) continue;
          timer.fn();
        }
      }
    },
  };
}

function idler(told: string[], name: string): Idler & { isIdle: boolean } {
  return {
    before: undefined,
    after: undefined,
    idleSince: 0,
    isIdle: true,
    idle: () => void told.push(name),
  };
}

test("a clock that is set back delays no member by more than one timeout", () => {
  const m = machine();
  const told: string[] = [];
  const list = new IdleList(m.ports, 100);
  list.add(idler(told, "before"));
  m.pass(50);
  m.set(-3_600_000);
  list.add(idler(told, "after"));
  m.pass(149);
  assert.deepEqual(told, ["after"]);
  m.pass(1);
  assert.deepEqual(told, ["after", "before"]);
  assert.equal(m.timers.size, 0);
});

test("a clock that is set back and continues between two checks delays no member", () => {
  const m = machine();
  const told: string[] = [];
  let looks = 0;
  const now = (): number => {
    assert.ok(++looks < 1_000, "it looks without end");
    m.set(1);
    return m.ports.clock.now();
  };
  const list = new IdleList({ ...m.ports, clock: { now } }, 100);
  list.add(idler(told, "a"));
  m.set(-3_600_000);
  m.pass(300);
  assert.deepEqual(told, ["a"]);
});

test("a clock that is set ahead notifies all members at the next check", () => {
  const m = machine();
  const told: string[] = [];
  const list = new IdleList(m.ports, 100);
  list.add(idler(told, "a"));
  m.pass(50);
  list.add(idler(told, "b"));
  m.set(3_600_000);
  m.pass(50);
  assert.deepEqual(told, ["a", "b"]);
});

test("a removed member is not notified, may be added again, and can be removed twice", () => {
  const m = machine();
  const told: string[] = [];
  const list = new IdleList(m.ports, 100);
  const [a, b, c] = [idler(told, "a"), idler(told, "b"), idler(told, "c")];
  for (const each of [a, b, c]) list.add(each);
  list.remove(b);
  list.remove(b);
  m.pass(60);
  list.add(b);
  list.add(a);
  list.remove(a);
  m.pass(40);
  assert.deepEqual(told, ["c"]);
  m.pass(60);
  assert.deepEqual(told, ["c", "b"]);
  assert.equal(m.timers.size, 0);
  list.add(c);
  m.pass(100);
  assert.deepEqual(told, ["c", "b", "c"]);
});

test("a member that is busy at its deadline is checked again only after it has become idle", () => {
  const m = machine();
  const told: string[] = [];
  const list = new IdleList(m.ports, 100);
  const a = idler(told, "a");
  list.add(a);
  a.isIdle = false;
  m.pass(1_000);
  assert.deepEqual(told, []);
  assert.equal(m.timers.size, 0);
  a.isIdle = true;
  list.add(a);
  m.pass(100);
  assert.deepEqual(told, ["a"]);
});

test("a member that is added again during its notification waits for a full timeout", () => {
  const m = machine();
  let told = 0;
  const list = new IdleList(m.ports, 100);
  const again: Idler = {
    before: undefined,
    after: undefined,
    idleSince: 0,
    isIdle: true,
    idle: () => {
      told++;
      list.add(again);
    },
  };
  list.add(again);
  m.pass(350);
  assert.equal(told, 3);
  assert.equal(m.timers.size, 1);
});

test("there is one list per event loop and timeout", () => {
  const one = machine();
  const other = machine();
  assert.equal(idleListOf(one.ports, 100), idleListOf({ ...one.ports }, 100));
  assert.notEqual(idleListOf(one.ports, 100), idleListOf(one.ports, 101));
  assert.notEqual(idleListOf(one.ports, 100), idleListOf(other.ports, 100));
});

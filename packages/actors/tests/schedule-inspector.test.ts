import assert from "node:assert/strict";
import { test } from "node:test";
import type { CronJobInfo } from "@holdfast/actors";
import { Runtime } from "../src/internal/lifecycle/runtime.ts";
import { deferred, world } from "./harness.ts";
import { advance, invoke, scheduled, script, settle } from "./schedule-support.ts";

function inspected() {
  const w = world();
  const s = script();
  const instance = w.create(scheduled(s));
  assert.ok(instance instanceof Runtime);
  return {
    w,
    s,
    instance,
    inspector: instance.components.parts.schedules.inspector,
    start: w.ports.clock.now(),
  };
}

test("an inspector lists all schedules by time and shows which are running", async () => {
  const { w, s, instance, inspector, start } = inspected();
  const gate = deferred();
  s.wait = gate.promise;
  const id = await invoke<string>(instance, "after", 1_000, "a");
  await invoke(instance, "every", { name: "e", interval: 5_000, action: "fire", args: [1] });
  await advance(w, 1_000);
  const [first, second, ...rest] = inspector.list();
  assert.deepEqual(rest, []);
  assert.deepEqual(first, {
    id,
    running: true,
    kind: "at",
    action: "fire",
    args: ["a"],
    runAt: start + 1_000,
    attempts: 1,
    scheduledAt: start + 1_000,
  });
  assert.deepEqual(
    second?.kind === "every" && [second.name, second.running, second.nextRunAt, second.interval],
    ["e", false, start + 5_000, 5_000],
  );
  gate.resolve();
  await settle();
  assert.equal(inspector.list().length, 1);
});

test("trigger runs a recurring schedule now without changing its times", async () => {
  const { w, s, instance, inspector, start } = inspected();
  await invoke(instance, "every", { name: "e", interval: 5_000, action: "fire" });
  const [job] = inspector.list();
  assert.equal(await inspector.trigger(job?.id ?? ""), true);
  await settle();
  assert.deepEqual(
    s.fired.map(({ info }) => [info.name, info.scheduledAt - start]),
    [["e", 0]],
  );
  assert.equal((await invoke<CronJobInfo>(instance, "job", "e")).nextRunAt, start + 5_000);
  const [entry] = await inspector.history("e");
  assert.deepEqual([entry?.result, entry?.scheduledAt], ["ok", start]);
  const gate = deferred();
  s.wait = gate.promise;
  assert.equal(await inspector.trigger(job?.id ?? ""), true);
  assert.equal(await inspector.trigger(job?.id ?? ""), false);
  await advance(w, 6_000);
  // The time that became due during the manual run follows it.
  s.wait = undefined;
  gate.resolve();
  await settle();
  assert.deepEqual(
    s.fired.map(({ info }) => info.scheduledAt - start),
    [0, 0, 5_000],
  );
  assert.equal(await inspector.trigger("nothing"), false);
});

test("trigger runs a one-shot early; delete ends it, even while it runs; changes are durable", async () => {
  const { w, s, instance, inspector } = inspected();
  const id = await invoke<string>(instance, "after", 60_000, "a");
  assert.equal(await inspector.trigger(id), true);
  await settle();
  assert.equal(s.fired.length, 1);
  assert.deepEqual(inspector.list(), []);
  s.failures = 1;
  const failing = await invoke<string>(instance, "after", 0, "b");
  const gate = deferred();
  s.wait = gate.promise;
  await settle();
  const commits = w.store.commits.length;
  assert.equal(await inspector.delete(failing), true);
  assert.ok(w.store.commits.length > commits);
  assert.equal(await inspector.delete(failing), false);
  gate.resolve();
  await advance(w, 10_000);
  assert.equal(s.fired.length, 2);
});

test("pause, resume and retry of a dead letter", async () => {
  const { w, instance, inspector } = inspected();
  await invoke(instance, "every", { name: "e", interval: 5_000, action: "fire" });
  assert.equal(await inspector.pause("e"), true);
  assert.equal(
    inspector.list().some((job) => job.kind === "every" && job.paused === true),
    true,
  );
  assert.equal(await inspector.resume("e"), true);
  const id = await invoke<string>(instance, "afterTo", 0, "missing");
  await settle();
  assert.deepEqual(
    (await inspector.deadLetters()).map((dead) => dead.id),
    [id],
  );
  assert.equal(await inspector.retry(id), true);
  await advance(w, 1_000);
  assert.equal((await inspector.deadLetters()).length, 1);
});

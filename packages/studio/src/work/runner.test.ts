import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HoldfastError, silentLogger } from "@holdfast/core";
import type { TaskReport } from "../backend/turns/reports.ts";
import type { TaskWork } from "../backend/turns/work.ts";
import { studioLimits } from "../limits.ts";
import type { SessionRecord, TaskBackend } from "./backend.ts";
import { TaskRunner } from "./runner.ts";

const work: TaskWork = {
  ...{ taskId: "t", title: "x", sessionId: "s", taintedAs: "s", repository: "/r", agent: "demo" },
  prompt: { id: "p1", text: "do it", attempt: 1, by: { id: "operator", name: "Operator" } },
  staleApprovals: [],
};

/**
 * A runner with a task and a log that answer on the test's signal. It gets no further than preparing the repository;
 * on a node, no further than storing the clone.
 */
function startRunner(onNode?: Pick<TaskBackend, "saveFiles">) {
  const next = Promise.withResolvers<TaskWork | undefined>();
  const disk = Promise.withResolvers<void>();
  const idle = Promise.withResolvers<void>();
  const prepared: string[] = [];
  const reports: TaskReport[] = [];
  const records: SessionRecord[] = [];
  let handedOut = false;
  const runner = new TaskRunner({
    taskId: "t",
    task: {
      next: async () => {
        if (handedOut) return undefined;
        handedOut = true;
        return next.promise;
      },
      report: async (report) => void reports.push(report),
      bringFiles: async () => {},
      saveFiles: async () => onNode?.saveFiles(),
    },
    readAttachment: async () => assert.fail("no prompt has a file"),
    session: () => ({
      append: async (batch) => {
        await disk.promise;
        return records.push(...batch.records);
      },
      hasRecord: async () => false,
      wasPrompted: async () => false,
      events: async () => ({ events: [], head: 0 }),
      size: async () => 0,
    }),
    limits: studioLimits,
    log: silentLogger,
    prepare: async ({ prompt }) => {
      prepared.push(prompt.id);
      if (onNode !== undefined) return { base: { branch: "main", commit: "c" }, process: {} as never };
      throw new Error("nothing is prepared here");
    },
    movesFiles: onNode !== undefined,
    taint: async () => {},
    usage: {
      beginTurn: async () => {},
      beforeCall: async () => {},
      afterCall: () => {},
      startSandbox: () => () => {},
    },
    onIdle: idle.resolve,
  });
  runner.wake();
  return { runner, next, disk, idle: idle.promise, prepared, reports, records };
}

describe("a runner", () => {
  test("stopped while its task answers does not start the work that the task hands out", async () => {
    const { runner, next, disk, idle, prepared, reports } = startRunner();
    disk.resolve();
    await runner.stop();
    next.resolve(work);
    await idle;
    assert.deepEqual([prepared, reports], [[], []]);
  });

  test("stopped twice concurrently stops once", async () => {
    const { runner, next, idle } = startRunner();
    const first = runner.stop();
    assert.equal(runner.stop(), first);
    await first;
    next.resolve(undefined);
    await idle;
  });

  test("closed while its task answers ends without the work", async () => {
    const { runner, next, disk, prepared, reports } = startRunner();
    disk.resolve();
    const closed = runner.close();
    next.resolve(work);
    await closed;
    assert.deepEqual([prepared, reports], [[], [{ type: "put-down", promptId: "p1" }]]);
  });

  test("closed in the middle of a turn interrupts it without counting the attempt", async () => {
    const first = startRunner();
    first.next.resolve(work);
    await new Promise(setImmediate);
    const closed = first.runner.close();
    first.disk.resolve();
    await closed;
    assert.deepEqual(first.reports, [{ type: "put-down", promptId: "p1" }]);
    const { maxAttempts } = studioLimits;
    for (const [putDown, code] of [
      [0, "interrupted_too_often"],
      [1, "internal_error"],
    ] as const) {
      const { next, disk, idle, reports } = startRunner();
      disk.resolve();
      next.resolve({ ...work, prompt: { ...work.prompt, attempt: maxAttempts + 1, putDown } });
      await idle;
      // Preparing the repository fails here, so a prompt that has used up its attempts must not get that far.
      const last = reports.at(-1);
      assert.equal(last?.type === "failed" ? last.error.code : last?.type, code);
    }
  });

  test("reports an aborted turn as stopped, not as failed, also when it ends after the stop", async () => {
    const { runner, next, disk, idle, prepared, reports, records } = startRunner();
    next.resolve(work);
    // At the time of the stop, the work has been handed out and waits for the disk.
    await new Promise(setImmediate);
    await runner.stop();
    disk.resolve();
    await idle;
    assert.deepEqual([prepared, reports], [[], []]);
    assert.deepEqual(
      records.map(({ body }) => body),
      [
        { type: "prompt", text: "do it" },
        { type: "turn-ended", stopReason: "cancelled" },
      ],
    );
  });

  test("stores the files again if the node of the task's actor died meanwhile, and the log has no note", async () => {
    let calls = 0;
    const { next, disk, idle, records } = startRunner({
      saveFiles: async () => {
        calls += 1;
        if (calls < 3) throw new HoldfastError("action", "interrupted", "An earlier attempt was interrupted");
      },
    });
    disk.resolve();
    next.resolve(work);
    await idle;
    assert.ok(calls >= 3);
    assert.deepEqual(
      records.map(({ body }) => body.type),
      ["prompt", "failed"],
    );
  });

  test("that is replaced while it stores the files writes nothing more", async () => {
    const saving = Promise.withResolvers<void>();
    const interruption = Promise.withResolvers<void>();
    let calls = 0;
    const { runner, next, disk, idle, reports, records } = startRunner({
      saveFiles: () => {
        calls += 1;
        saving.resolve();
        return interruption.promise;
      },
    });
    disk.resolve();
    next.resolve(work);
    await saving.promise;
    const abandoned = runner.abandon();
    interruption.reject(new HoldfastError("action", "interrupted", "The actor stopped"));
    await abandoned;
    await idle;
    assert.equal(calls, 1);
    assert.deepEqual(
      [reports.map(({ type }) => type), records.map(({ body }) => body.type)],
      [["prepared"], ["prompt"]],
    );
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode, systemPorts } from "@holdfast/core";
import { studioLimits } from "../../limits.ts";
import { restoreSchedule } from "./restore.ts";
import type { SchedulesState } from "./state.ts";

test("a schedule of an import is paused, also one on an event, and there are not more than elsewhere", async () => {
  const timers: string[] = [];
  const state: SchedulesState = { version: 1, schedules: [] };
  const context = {
    ...{ state, conn: { state: { person: "ada" } } },
    cron: {
      set: async ({ expression }: { readonly expression: string }) => timers.push(expression),
      pause: async () => timers.push("paused"),
    },
  };
  const restore = (given: object) => {
    const rest = { name: "Nightly", repository: "r", agent: "demo", prompt: "Count" };
    return restoreSchedule({ ports: systemPorts() }, context, { ...rest, ...given }, "fire");
  };
  // As an archive has it.
  await restore({ cron: "", timezone: "UTC", on: { type: "labelled", label: "agent" } });
  assert.deepEqual(timers, []);
  await restore({ cron: "0 3 * * *", timezone: "UTC" });
  assert.deepEqual(timers, ["0 3 * * *", "paused"]);
  const shown = state.schedules.map(({ on, isPaused }) => [on?.type, isPaused]);
  assert.deepEqual(shown, [
    ["labelled", true],
    [undefined, true],
  ]);
  const [first] = state.schedules;
  assert.ok(first);
  state.schedules = Array.from({ length: studioLimits.maxSchedules }, () => first);
  await assert.rejects(restore({ cron: "0 3 * * *", timezone: "UTC" }), (error) =>
    isErrorCode(error, "schedule", "too_many"),
  );
});

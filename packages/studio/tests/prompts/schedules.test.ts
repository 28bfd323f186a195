/** Schedules: their times, their runs and their failures, on a clock of the test, and against a real server. */
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { actor } from "@holdfast/actors";
import { HoldfastError, isErrorCode, systemPorts } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { setupTest } from "@holdfast/test-kit";
import type { BackendHost } from "../../src/backend/host.ts";
import { createSchedulesActor } from "../../src/backend/schedules/schedules.ts";
import type { CreateTaskInput, ScheduleInput, SchedulesActions } from "../../src/contract.ts";
import { createStudio } from "../../src/index.ts";
import { makeRepository, needsJail, temporaryFolder, Watch } from "../support.ts";

const daily: ScheduleInput = {
  ...{ name: "Daily", cron: "0 9 * * *", timezone: "UTC" },
  ...{ repository: "/shop", agent: "demo", prompt: "Update the dependencies" },
};
const day = 24 * 60 * 60 * 1000;

describe("a schedule", () => {
  test("starts one task at each of its times, none while it is paused, and says why a run has failed", async (t) => {
    const created: CreateTaskInput[] = [];
    let refusal: HoldfastError | undefined;
    const organization = actor({
      state: {},
      actions: {
        internal: {
          checkScheduledTask: () => {},
          createScheduledTask: (_c, input: CreateTaskInput) => {
            if (refusal !== undefined) throw refusal;
            created.push(input);
          },
        },
      },
    });
    const clock = { now: () => 0 };
    const host = {
      ports: { ...systemPorts(), clock: { ...systemPorts().clock, now: () => clock.now() } },
      personOf: async () => ({ id: "ada", isOperator: false }),
    } as unknown as BackendHost;
    const store = (): never => assert.fail("a test has its own store");
    const use = { organization, schedules: createSchedulesActor(host) };
    const kit = await setupTest(t, createRegistry({ use, store }), { paused: true });
    clock.now = () => kit.clock.now();
    await kit.client.organization.getOrCreate(["local"]).resolve();
    const handle = kit.client.schedules.getOrCreate(["local"]);
    const schedules = handle as unknown as SchedulesActions;

    const { id, nextAt } = await schedules.save(daily);
    const [first = 0, second = 0] = nextAt;
    assert.equal(second - first, day);
    assert.equal(new Date(first).getUTCHours(), 9);
    await kit.clock.advance(first - kit.clock.now());
    assert.deepEqual(created, [
      { repository: "/shop", agent: "demo", prompt: "Update the dependencies", fromHead: true },
    ]);
    const [{ runs = [] } = {}] = await schedules.list();
    assert.deepEqual([runs.length, runs[0]?.cause, runs[0]?.error], [1, "schedule", undefined]);

    assert.deepEqual((await schedules.pause(id, true)).nextAt, []);
    await kit.clock.advance(2 * day);
    assert.equal(created.length, 1);
    await schedules.pause(id, false);

    refusal = new HoldfastError("repository", "not_found", "There is no such folder");
    const run = await schedules.run(id);
    assert.deepEqual([run.cause, run.taskId, run.error?.code], ["person", undefined, "not_found"]);
    refusal = undefined;

    const invalid = {
      cron: ["* * * * *", "0 9 31 2 *", "nine", "0 0 9 * * *"],
      timezone: ["Mars/Base"],
      name: [" "],
    };
    for (const [field, values] of Object.entries(invalid))
      for (const value of values)
        await assert.rejects(
          schedules.save({ ...daily, [field]: value }),
          (error) => isErrorCode(error, "schedule", "invalid_input"),
          value,
        );
    await assert.rejects(schedules.run("other"), (error) => isErrorCode(error, "schedule", "not_found"));
    await schedules.remove(id);
    await schedules.remove(id);
    await kit.clock.advance(2 * day);
    assert.equal(created.length, 1);
    assert.deepEqual(await schedules.list(), []);
  });

  test("starts a real task when somebody asks, and refuses a repository that is not there", async (t) => {
    if (!needsJail(t)) return;
    const folder = temporaryFolder(t);
    const studio = await createStudio({
      dataDirectory: join(folder, "data"),
      environment: {},
      vault: { logins: false },
    });
    t.after(() => studio.close());
    const { schedules } = studio.client;
    const repository = makeRepository(folder);
    const prompt = 'write "x" to made.txt without asking';
    await assert.rejects(schedules.save({ ...daily, repository: join(folder, "nowhere") }), (error) =>
      isErrorCode(error, "repository", "not_found"),
    );
    const { id } = await schedules.save({ ...daily, repository, prompt });
    const { taskId = "" } = await schedules.run(id);
    const watch = await Watch.open(studio.client, taskId);
    await watch.status("idle");
    await watch.close();
    const { files } = await studio.client.task(taskId).diff();
    assert.deepEqual(
      files.map(({ path }) => path),
      ["made.txt"],
    );

    await rm(repository, { recursive: true });
    const failed = await schedules.run(id);
    assert.equal(`${failed.error?.group}.${failed.error?.code}`, "repository.not_found");
    const [{ runs = [] } = {}] = await schedules.list();
    assert.equal(runs.length, 2);
  });
});

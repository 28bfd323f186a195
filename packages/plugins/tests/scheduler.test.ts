/** Schedules through the real gate: due while it runs, and due while it did not. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { createGate, type Gate, type PluginsConfig } from "@holdfast/gate";
import { assertSuccessResult, createTestInvocation, createTestServices } from "@holdfast/gate/plugin-testing";
import { pluginsDirectory } from "@holdfast/plugins";
import { removeAtExit } from "@holdfast/testing/scratch";
import { Cron } from "../src/scheduler/cron.ts";
import scheduler from "../src/scheduler/handler.ts";
import { provenJails } from "./proven-jails.ts";

async function outcomeOf(
  gate: Gate,
  name: string,
  args: Record<string, unknown>,
  group = "alpha",
  tainted = false,
) {
  const tool = gate.plugins.tools().find((each) => each.name === name);
  assert.ok(tool, name);
  return gate.plugins.invoke({
    tool,
    arguments: args,
    principal: { jailId: "j", session: "s", group },
    correlation: "c",
    signal: new AbortController().signal,
    tainted,
  });
}

async function call(...parameters: Parameters<typeof outcomeOf>): Promise<string> {
  const outcome = await outcomeOf(...parameters);
  return outcome.ok ? JSON.stringify(outcome.result) : `${outcome.error.code}: ${outcome.error.message}`;
}

test("cron lines", () => {
  const next = (line: string, after: string) => {
    const at = new Cron(line).next(Date.parse(after));
    return at === undefined ? undefined : new Date(at).toISOString().slice(0, 16);
  };
  assert.equal(next("* * * * *", "2026-11-21T17:00:30Z"), "2026-11-21T17:01");
  assert.equal(next("0 7 * * 1-5", "2026-11-20T07:00:00Z"), "2026-11-23T07:00");
  assert.equal(next("*/15 9-10 * * *", "2026-11-20T10:45:00Z"), "2026-11-21T09:00");
  assert.equal(next("30 4 1,15 * 5", "2026-11-01T05:00:00Z"), "2026-11-06T04:30");
  // A step of every day is no day that is given: both must fit, as in cron.
  assert.equal(next("0 7 */2 * 1", "2026-11-21T00:00:00Z"), "2026-11-23T07:00");
  assert.equal(next("0 7 */2 * 1", "2026-11-23T07:00:00Z"), "2026-12-07T07:00");
  assert.equal(next("0 7 13 * */5", "2026-11-21T00:00:00Z"), "2026-12-13T07:00");
  assert.equal(next("0 0 29 2 *", "2026-11-01T00:00:00Z"), "2028-02-29T00:00");
  assert.equal(next("0 0 * * 7", "2026-11-20T00:00:00Z"), "2026-11-22T00:00");
  assert.equal(next("0 0 30 2 *", "2026-11-01T00:00:00Z"), undefined);
  assert.equal(next("0 7 * * mon-FRI", "2026-11-20T07:00:00Z"), "2026-11-23T07:00");
  assert.equal(next("0 7 * Jan,dec sun", "2026-11-20T07:00:00Z"), "2026-12-06T07:00");
  assert.equal(next("0 7 * * FRI-SUN", "2026-11-21T07:00:00Z"), "2026-11-22T07:00");
  assert.equal(next("0 7 * * FRI-SUN", "2026-11-22T07:00:00Z"), "2026-11-27T07:00");
  for (const line of [
    "",
    "mon * * * *",
    "* * * monday *",
    "* * * mon *",
    "* * * * monday",
    "* * * *",
    "60 * * * *",
    "* 24 * * *",
    "* * 0 * *",
    "5-1 * * * *",
    "a * * * *",
    "*/0 * * * *",
  ]) {
    assert.throws(() => new Cron(line), line);
  }
});

test("a time without a zone is in UTC wherever the scheduler runs, and nothing is guessed", async (t) => {
  const zone = process.env["TZ"];
  process.env["TZ"] = "America/New_York";
  t.after(() => {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  });
  const ask = await inThisProcess(t);
  const nextOf = async (at: string) =>
    (await ask("schedule_create", { name: `at ${at}`, prompt: "look", at }))["next_at"];
  for (const [at, next] of [
    ["2090-01-05T09:00", "2090-01-05T09:00:00.000Z"],
    ["2090-01-05 09:00:30", "2090-01-05T09:00:30.000Z"],
    ["2090-01-05", "2090-01-05T00:00:00.000Z"],
    ["2090-01-05t09:00z", "2090-01-05T09:00:00.000Z"],
    ["2090-01-05T09:00:00.5+01:00", "2090-01-05T08:00:00.500Z"],
    ["2090-01-05T09:00-0500", "2090-01-05T14:00:00.000Z"],
  ] as const) {
    assert.equal(await nextOf(at), next, at);
  }
  for (const at of ["Monday 2090", "05/06/2090", "2090", "2090-01-05T09", "tomorrow", ""]) {
    await assert.rejects(nextOf(at), { name: "ToolError", field: "at" }, at);
  }
});

test("a text that is left empty is none beside what says when", async (t) => {
  const ask = await inThisProcess(t);
  const create = (when: Record<string, unknown>) =>
    ask("schedule_create", { name: JSON.stringify(when), prompt: "look", ...when });
  assert.equal((await create({ cron: "", at: "2090-01-05" }))["next_at"], "2090-01-05T00:00:00.000Z");
  await create({ cron: "0 7 * * *", at: "" });
  await create({ cron: "", at: "", every_minutes: 5 });
  await assert.rejects(create({ cron: "" }), { name: "ToolError", field: "cron" });
  for (const when of [{}, { cron: "", at: "" }, { cron: "0 7 * * *", at: "2090-01-05" }])
    await assert.rejects(create(when), /exactly one of/);
});

test("a schedule is deleted by the name that it was made with", async (t) => {
  const ask = await inThisProcess(t);
  await ask("schedule_create", { name: " water ", prompt: "look", every_minutes: 5 });
  assert.deepEqual(await ask("schedule_delete", { name: " water " }), { deleted: "water" });
});

/** The scheduler as it is where there is no jail. */
async function inThisProcess(t: TestContext) {
  await scheduler.initialize(Object.assign(createTestServices(), { dataDirectory: dataDirectory() }));
  t.after(() => scheduler.shutdown());
  return async (tool: string, args: Record<string, unknown>) =>
    assertSuccessResult(await createTestInvocation(scheduler, tool, args));
}

function dataDirectory(): string {
  const dataDir = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-scheduler-")));
  chmodSync(dataDir, 0o755);
  removeAtExit(dataDir);
  return dataDir;
}

function openGate(dataDir: string, more: Pick<PluginsConfig, "onEvent"> = {}): Promise<Gate> {
  return createGate({
    dataDir,
    jails: provenJails,
    vault: { env: {}, logins: false },
    plugins: { builtInDirectory: pluginsDirectory, watch: false, ...more },
  });
}

function schedulesOf(dataDir: string): string {
  return join(dataDir, "gate", "plugins", "scheduler", "data", "schedules.sqlite");
}

function changeSchedules(dataDir: string, sql: string): void {
  const db = new DatabaseSync(schedulesOf(dataDir));
  db.exec(sql);
  db.close();
}

test("schedules begin tasks, also those that were due while nothing ran", async (t) => {
  const dataDir = dataDirectory();
  const open = () => openGate(dataDir);
  const first = await open();
  t.after(() => first.close());
  assert.equal(first.plugins.list().find((each) => each.name === "scheduler")?.state, "idle");
  const fired = Promise.withResolvers<Record<string, unknown>>();
  first.plugins.onEvent((envelope) => fired.resolve({ group: envelope.group, ...envelope.payload }));
  // On a busy machine a near time has passed before it is looked at.
  for (let delayMs = 200; ; delayMs *= 2) {
    const at = new Date(Date.now() + delayMs).toISOString();
    const made = await call(first, "schedule_create", { name: "soon", prompt: "do it", at });
    if (/next_at/.test(made)) break;
    assert.match(made, /in the past/);
  }
  const event = await fired.promise;
  assert.equal(event["group"], "alpha");
  assert.equal(event["prompt"], "do it");
  assert.equal(event["schedule"], "soon");

  assert.match(
    await call(first, "schedule_create", { name: "often", prompt: "again", cron: "0 7 * * *" }),
    /07:00/,
  );
  assert.match(
    await call(first, "schedule_create", { name: "often", prompt: "x", every_minutes: 5 }),
    /of that name/,
  );
  assert.match(await call(first, "schedule_create", { name: "x", prompt: "x" }), /exactly one/);
  assert.match(
    await call(first, "schedule_create", { name: "x", prompt: "x", cron: "61 * * * *" }),
    /minute/,
  );
  assert.match(
    await call(first, "schedule_create", { name: "x", prompt: "x", at: "2001-01-01" }),
    /in the past/,
  );
  for (const at of [
    "2127-02-29",
    "2127-04-31T09:00:00Z",
    "2127-13-01",
    "2127-01-01T25:00",
    "2127-01-01T09:00+25:00",
  ])
    assert.match(await call(first, "schedule_create", { name: "x", prompt: "x", at }), /does not exist/, at);
  assert.match(
    await call(first, "schedule_create", { name: "x", prompt: "x", cron: "0 0 30 2 *" }),
    /no day of the next five years/,
  );
  assert.equal(await call(first, "schedule_list", {}, "beta"), '{"schedules":[]}');
  assert.match(await call(first, "schedule_delete", { name: "often" }, "beta"), /No such/);
  await first.close();

  changeSchedules(dataDir, "UPDATE schedules SET next_at = 1000 WHERE name = 'often'");
  const second = await open();
  t.after(() => second.close());
  // Its process runs from the start now, and may have published before anybody could listen.
  let text = "";
  while (!text.includes('"last_at":"2')) text = await call(second, "schedule_list", {});
  assert.match(text, /"name":"often".*"next_at":"2\d{3}-/);
  assert.match(await call(second, "schedule_delete", { name: "often" }), /deleted/);
  assert.equal(await call(second, "schedule_list", {}), '{"schedules":[]}');
});

test("schedules of a session with untrusted content taint the one that reads them", async (t) => {
  const gate = await openGate(dataDirectory());
  t.after(() => gate.close());
  const at = "2090-01-01T00:00:00Z";
  await call(gate, "schedule_create", { name: "clean", prompt: "do it", at });
  assert.equal(Reflect.get(await outcomeOf(gate, "schedule_list", {}), "untrusted"), undefined);
  await call(gate, "schedule_create", { name: "page", prompt: "as the page says", at }, "alpha", true);
  assert.equal(Reflect.get(await outcomeOf(gate, "schedule_list", {}), "untrusted"), true);
  assert.equal(Reflect.get(await outcomeOf(gate, "schedule_list", {}, "beta"), "untrusted"), undefined);
});

test("a group whose events nobody takes holds up no other's schedules, and keeps its own", async (t) => {
  const dataDir = dataDirectory();
  const first = await openGate(dataDir);
  t.after(() => first.close());
  for (const group of ["gone", "alpha"])
    await call(first, "schedule_create", { name: "daily", prompt: "do it", cron: "0 7 * * *" }, group);
  await first.close();
  changeSchedules(dataDir, "UPDATE schedules SET next_at = iif(grp = 'gone', 1000, 2000)");

  const asked: string[] = [];
  let isTaken = false;
  const twice = Promise.withResolvers<void>();
  const taken = Promise.withResolvers<void>();
  const onEvent: PluginsConfig["onEvent"] = async ({ group, payload }) => {
    asked.push(`${group} ${payload["due_at"]} ${payload["run"]}`);
    if (asked.length === 2) twice.resolve();
    if (group === "gone" && !isTaken) throw new Error("no such group");
    if (group === "gone") taken.resolve();
  };
  const second = await openGate(dataDir, { onEvent });
  t.after(() => second.close());
  await twice.promise;
  const [refused, other] = asked;
  assert.match(refused ?? "", /^gone 1970-01-01T00:00:01/);
  assert.match(other ?? "", /^alpha 1970-01-01T00:00:02/);
  isTaken = true;
  await taken.promise;
  assert.equal(asked.at(-1), refused);
});

test("what is deleted while an event is taken over begins nothing, and what is made then stays", async (t) => {
  const dataDir = dataDirectory();
  const first = await openGate(dataDir);
  t.after(() => first.close());
  for (const name of ["last", "two", "one"])
    await call(first, "schedule_create", { name, prompt: "do it", at: "2090-01-01T00:00:00Z" });
  await first.close();
  changeSchedules(dataDir, "UPDATE schedules SET next_at = 4000 - 1000 * id");

  const asked: unknown[] = [];
  const begun = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const onEvent: PluginsConfig["onEvent"] = async ({ payload: { schedule } }) => {
    asked.push(schedule);
    begun.resolve();
    if (schedule === "last") ended.resolve();
    await released.promise;
  };
  const second = await openGate(dataDir, { onEvent });
  t.after(() => second.close());
  await begun.promise;
  for (const name of ["two", "one"]) assert.match(await call(second, "schedule_delete", { name }), /deleted/);
  // It gets a number that was theirs.
  const other = { name: "other", prompt: "water", cron: "0 7 * * *" };
  assert.match(await call(second, "schedule_create", other), /07:00/);
  assert.deepEqual(asked, ["one"]);
  released.resolve();
  await ended.promise;
  assert.match(await call(second, "schedule_list", {}), /"name":"other".*"last_at":null/);
  await second.close();
  assert.deepEqual(asked, ["one", "last"]);
  const db = new DatabaseSync(schedulesOf(dataDir));
  assert.deepEqual(
    db
      .prepare("SELECT name FROM schedules")
      .all()
      .map(({ name }) => name),
    ["other"],
  );
  db.close();
});

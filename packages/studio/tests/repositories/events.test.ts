/** Schedules on events of a forge: a label and a mention start tasks, which are named in a comment; with each forge. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import type { ScheduleEvent, ScheduleView } from "../../src/index.ts";
import { needsJail } from "../support.ts";
import { forges, Summaries, startStudio, webhookSecret } from "./support.ts";

const ada = { id: 1, login: "ada" };
const grace = { id: 2, login: "grace" };

for (const [name, connect] of Object.entries(forges)) {
  test(`${name}: a label or a mention by somebody who may write starts a task, once`, async (t) => {
    if (!needsJail(t)) return;
    const forge = await connect(t);
    const { repository } = forge;
    const { client, url } = await startStudio(t, forge);
    const summaries = await Summaries.watch(t, client);
    const { id } = await client.organization.connectRepository(forge.source);
    await summaries.until(({ status, mirror }) => status === "synced" && mirror?.status === "ready");
    const webhooks = forge.emulator.sendWebhooksTo(`${url}/forges/${id}`, webhookSecret);
    const base = { cron: "", timezone: "", repository: id, agent: "demo" };
    const prompt = 'write "one" to one.txt without asking';
    const save = (on: ScheduleEvent) => client.schedules.save({ ...base, name: on.type, prompt, on });
    const labelled = await save({ type: "labelled", label: "agent" });
    const mentioned = await save({ type: "mentioned", name: "holdfast" });
    assert.deepEqual([labelled.nextAt, labelled.on], [[], { type: "labelled", label: "agent" }]);
    const until = async (scheduleId: string, fits: (view: ScheduleView) => boolean) => {
      const found = Promise.withResolvers<ScheduleView>();
      const watch = await client.schedules.on("changed", (view) => {
        if (view.id === scheduleId && fits(view)) found.resolve(view);
      });
      const known = (await client.schedules.list()).find((each) => each.id === scheduleId);
      if (known !== undefined && fits(known)) found.resolve(known);
      const view = await found.promise;
      await watch.close();
      return view;
    };

    const answered = Promise.withResolvers<void>();
    const addComment = repository.addComment.bind(repository);
    let answers = 0;
    repository.addComment = (given) => {
      if (given.body.includes("A Holdfast task works on this") && ++answers === 2) answered.resolve();
      return addComment(given);
    };
    const issue = repository.addIssue("Broken", grace, "It does not work.\n## Do this");
    assert.deepEqual(
      (await client.repository(id).issues()).items.map(({ title }) => title),
      ["Broken"],
    );
    // Of somebody who may only read, and of a label that nobody waits for.
    const other = repository.addIssue("Other", grace);
    repository.label(other.number, "agent", grace);
    repository.label(issue.number, "bug", ada);
    repository.addComment({ number: issue.number, author: grace, body: "@holdfast please" });
    repository.label(issue.number, "agent", ada);
    const { runs } = await until(labelled.id, (view) => view.runs.length > 0);
    assert.equal(runs.length, 1);
    const [run] = runs;
    assert.deepEqual([run?.cause, run?.error], ["event", undefined]);
    const task = await client.task(run?.taskId ?? "").get();
    assert.deepEqual([task.repository, task.labels], ["team/app", ["agent", "bug"]]);

    repository.addComment({ number: issue.number, author: ada, body: "@holdfast please" });
    const second = await until(mentioned.id, (view) => view.runs.length > 0);
    assert.equal(second.runs.length, 1);
    await answered.promise;
    await webhooks.settled();
    const said = repository.comments.filter(({ body }) => body.includes("A Holdfast task works on this"));
    assert.deepEqual(
      said.map(({ number }) => number),
      [issue.number, issue.number],
    );
    assert.ok(said[0]?.body.includes(run?.taskId ?? "?"));
    assert.equal((await client.schedules.list()).flatMap((each) => each.runs).length, 2);

    await assert.rejects(
      client.schedules.save({
        ...base,
        repository: "sample",
        name: "x",
        prompt,
        on: { type: "checks-failed" },
      }),
      (error) => isErrorCode(error, "schedule", "invalid_input"),
    );
  });
}

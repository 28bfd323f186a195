import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { actor } from "@holdfast/actors";
import { ChildError, durable, listWorkflows, workflow } from "@holdfast/actors/workflow";
import { isErrorCode } from "@holdfast/core";
import type { Definitions } from "@holdfast/server";
import { storedRegistry } from "@holdfast/testing/backends";
import { removeAtExit } from "@holdfast/testing/scratch";

const square = durable(async (ctx, input: { n: number }) => {
  if (input.n < 0) throw new Error("negative");
  await ctx.sleep("think", 20);
  return await ctx.step("square", () => input.n ** 2);
});

const sum = durable(async (ctx, input: { numbers: number[] }) => {
  const results = await ctx.join(
    "squares",
    Object.fromEntries(
      input.numbers.map((n) => [
        `n${n}`,
        {
          run: (branch: typeof ctx) =>
            branch.child<{ n: number }, number>("child", { name: "square", key: [String(n)] }, { n }),
        },
      ]),
    ),
  );
  let failure = "";
  try {
    await ctx.child("bad", { name: "square", key: "bad" }, { n: -1 });
  } catch (error) {
    assert.ok(error instanceof ChildError);
    failure = error.failure.message;
  }
  return { total: Object.values(results).reduce((a: number, b) => a + Number(b), 0), failure };
});

const other = actor({
  run: workflow(async () => {}),
  actions: { ping: () => "pong" },
});

function registryOf<const Actors extends Definitions>(use: Actors) {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-workflow-children-"));
  removeAtExit(directory);
  return storedRegistry(directory, { use });
}

function registry() {
  return registryOf({ square, sum, other });
}

test("a workflow starts children of other actors and receives their outputs and failures", async () => {
  const running = registry();
  try {
    const handle = running.client.sum.getOrCreate("a", { createWithInput: { numbers: [1, 2, 3] } });
    assert.deepEqual(await handle.result(), { total: 14, failure: "negative" });
    assert.equal(await running.client.square.get(["2"]).result(), 4);
    const status = await handle.get();
    assert.equal(status.state, "completed");
  } finally {
    await running.shutdown();
  }
});

test("only the child can report its result", async () => {
  const running = registry();
  try {
    const handle = running.client.sum.getOrCreate("a", { createWithInput: { numbers: [5] } });
    const forged = await handle.action({
      name: "$workflow.settled",
      args: ["00000000-0000-0000-0000-000000000000", { ok: true, output: 1_000 }],
    });
    assert.equal(forged, false);
    assert.deepEqual(await handle.result(), { total: 25, failure: "negative" });
    await assert.rejects(
      running.client.other.getOrCreate("x").action({ name: "$workflow.start", args: [1, {}] }),
      (error) => isErrorCode(error, "actor", "action_not_found"),
    );
  } finally {
    await running.shutdown();
  }
});

test("a missing actor, or one without a durable function, fails the child", async () => {
  const lost = durable(async (ctx) => {
    const results = [];
    for (const name of ["nobody", "other"]) {
      results.push(await ctx.try(name, (t) => t.child("c", { name, key: "k" })));
    }
    return results.map((result) => result.ok);
  });
  const running = registryOf({ lost, other });
  try {
    const handle = running.client.lost.getOrCreate("a");
    await handle.start();
    await assert.rejects(handle.result(), (error) => isErrorCode(error, "workflow", "failed"));
  } finally {
    await running.shutdown();
  }
});

test("the reason of a failed start is reported with its code", async () => {
  const lost = durable(async (ctx) => {
    const codes: unknown[] = [];
    for (const name of ["nobody", "other"]) {
      const started = ctx.child(`start ${name}`, { name, key: "k" });
      await started.catch((error: unknown) => {
        assert.ok(error instanceof ChildError);
        const { group, code } = error.failure.metadata ?? {};
        codes.push(`${group}.${code}`);
      });
    }
    return codes;
  });
  const running = registryOf({ lost, other });
  try {
    const handle = running.client.lost.getOrCreate("a");
    await handle.start();
    assert.deepEqual(await handle.result(), ["actor.not_found", "actor.action_not_found"]);
  } finally {
    await running.shutdown();
  }
});

test("the parent of a destroyed child is notified", { timeout: 60_000 }, async () => {
  const begun = Promise.withResolvers<void>();
  const endless = durable(async (ctx) => {
    begun.resolve();
    await ctx.sleep("long", 3_600_000);
  });
  const boss = durable(async (ctx) => {
    try {
      await ctx.child("child", { name: "endless", key: "k" });
      return "ended";
    } catch (error) {
      assert.ok(error instanceof ChildError);
      return error.failure;
    }
  });
  const running = registryOf({ endless, boss });
  try {
    const handle = running.client.boss.getOrCreate("a");
    await handle.start();
    await begun.promise;
    await running.client.endless.destroy("k");
    const failure = (await handle.result()) as { readonly message: string; readonly metadata: unknown };
    assert.match(failure.message, /was destroyed/);
    assert.deepEqual(failure.metadata, { group: "workflow", code: "actor_destroyed" });
  } finally {
    await running.shutdown();
  }
});

test("typed input is validated before the start", async () => {
  const schema = {
    "~standard": {
      version: 1 as const,
      vendor: "test",
      validate: (value: unknown) =>
        typeof value === "object" && value !== null && "n" in value && typeof value.n === "number"
          ? { value: { n: value.n } }
          : { issues: [{ message: "n must be a number" }] },
    },
  };
  const typed = durable(async (_ctx, input) => input.n + 1, { input: schema });
  const running = registryOf({ typed });
  try {
    const handle = running.client.typed.getOrCreate("a");
    await assert.rejects(handle.start({ n: "x" } as never), (error) =>
      isErrorCode(error, "workflow", "invalid_input"),
    );
    assert.equal((await handle.get()).state, "pending");
    await handle.start({ n: 1 });
    const output: number = await handle.result();
    assert.equal(output, 2);
  } finally {
    await running.shutdown();
  }
});

test("workflows can be listed and searched without waking their actors", async () => {
  const running = registry();
  try {
    const { store } = await running.directory();
    await running.client.square.getOrCreate("two", { createWithInput: { n: 2 } }).result();
    await assert.rejects(running.client.square.getOrCreate("bad", { createWithInput: { n: -2 } }).result());
    await running.client.square.getOrCreate("idle").resolve();
    const all = await listWorkflows(store, { name: "square" });
    assert.deepEqual(all.workflows.map(({ key, state }) => [key[0], state]).sort(), [
      ["bad", "failed"],
      ["two", "completed"],
    ]);
    const failed = await listWorkflows(store, { state: "failed", search: "negative" });
    assert.deepEqual(
      failed.workflows.map(({ key }) => key),
      [["bad"]],
    );
    assert.deepEqual((await listWorkflows(store, { search: "nothing" })).workflows, []);
    await assert.rejects(listWorkflows(store, { limit: 1_001 }), (error) =>
      isErrorCode(error, "workflow", "invalid_query"),
    );
    const page = await listWorkflows(store, { name: "square", limit: 1 });
    assert.ok(page.cursor !== undefined);
  } finally {
    await running.shutdown();
  }
});

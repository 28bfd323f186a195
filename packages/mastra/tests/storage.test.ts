import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { after, describe, test } from "node:test";
import { createClient } from "@holdfast/client";
import { scriptPrompt, startMockModel } from "@holdfast/testing/mock-model";
import { Mastra } from "@mastra/core";
import { Agent, type MastraDBMessage } from "@mastra/core/agent";
import type { MastraCompositeStore, MemoryStorage } from "@mastra/core/storage";
import { createStep, createWorkflow } from "@mastra/core/workflows";
import { z } from "zod";
import { HoldfastStorage, type MastraClient } from "../src/index.ts";
import { memoryPackage } from "./memory-package.ts";
import { dataDirectory, openRegistry } from "./support.ts";

process.env["MASTRA_TELEMETRY_DISABLED"] = "1";
const model = await startMockModel({});
const registry = openRegistry(dataDirectory());
const remote = createClient<typeof registry>((await registry.listen({ host: "127.0.0.1", port: 0 })).url);
after(async () => {
  await remote.dispose();
  await registry.shutdown();
  await model.close();
});

/** A workflow that waits for a person between two steps. Mastra binds a workflow to the first instance that has it. */
function approvalWorkflow() {
  const plan = createStep({
    id: "plan",
    inputSchema: z.object({ what: z.string() }),
    outputSchema: z.object({ plan: z.string() }),
    execute: async ({ inputData }) => ({ plan: `plan of ${inputData.what}` }),
  });
  const approve = createStep({
    id: "approve",
    inputSchema: z.object({ plan: z.string() }),
    outputSchema: z.object({ done: z.string() }),
    resumeSchema: z.object({ approved: z.boolean() }),
    execute: async ({ inputData, resumeData, suspend }) => {
      if (resumeData === undefined) return await suspend({});
      return { done: `${inputData.plan}: ${resumeData.approved}` };
    },
  });
  return createWorkflow({
    id: "approval",
    inputSchema: z.object({ what: z.string() }),
    outputSchema: z.object({ done: z.string() }),
  })
    .then(plan)
    .then(approve)
    .commit();
}

function approvalOf(storage: MastraCompositeStore) {
  const workflows = { approval: approvalWorkflow() };
  return new Mastra({ workflows, storage, logger: false }).getWorkflow("approval");
}

test("a workflow that waits for a person goes on after its server was killed with SIGKILL", async () => {
  const directory = dataDirectory();
  const child = fork(new URL("server-program.ts", import.meta.url), [directory]);
  const [url] = (await once(child, "message")) as [string];
  const first = createClient<typeof registry>(url);
  const run = await approvalOf(new HoldfastStorage(first)).createRun({ resourceId: "ann" });
  const { status } = await run.start({ inputData: { what: "a trip" } });
  assert.equal(status, "suspended");
  child.kill("SIGKILL");
  await once(child, "exit");
  await first.dispose();

  const second = openRegistry(directory);
  try {
    const approval = approvalOf(new HoldfastStorage(second.client));
    const { runs, total } = await approval.listWorkflowRuns({ resourceId: "ann" });
    assert.deepEqual([total, runs[0]?.runId, runs[0]?.resourceId], [1, run.runId, "ann"]);
    const resumed = await approval.createRun({ runId: run.runId });
    const done = await resumed.resume({ step: "approve", resumeData: { approved: true } });
    assert.equal(done.status, "success");
    assert.deepEqual(done.status === "success" && done.result, { done: "plan of a trip: true" });
  } finally {
    await second.shutdown();
  }
});

test("an agent with memory knows what was said before, and its working memory, in another process's place", async () => {
  const { Memory } = await memoryPackage();
  const clerk = (client: MastraClient) => {
    const storage = new HoldfastStorage(client, { key: ["tenant", "clerk"] });
    const workingMemory = { enabled: true, scope: "resource", template: "# Person\n- Name:" } as const;
    const memory = new Memory({
      storage,
      options: { lastMessages: 10, semanticRecall: false, workingMemory },
    });
    const config = { id: "mock/mock", url: `${model.url}/v1`, apiKey: "none" } as const;
    return new Agent({ id: "clerk", name: "Clerk", instructions: "Help.", model: config, memory });
  };
  const note = { server: "", tool: "updateWorkingMemory", arguments: { memory: "# Person\n- Name: Ann" } };
  const where = { memory: { thread: "first", resource: "ann" } };
  const hello = await clerk(remote).generate(
    `I am Ann. ${scriptPrompt([{ call: note }, { say: "Hello Ann." }])}`,
    where,
  );
  assert.equal(hello.text, "Hello Ann.");
  await clerk(registry.client).generate(scriptPrompt([{ say: "Still here." }]), where);
  assert.match(model.requests.at(-1)?.prompt ?? "", /I am Ann\.[\s\S]*Hello Ann\./);
  await clerk(registry.client).generate("And now?", { memory: { thread: "second", resource: "ann" } });
  const { prompt = "" } = model.requests.at(-1) ?? {};
  assert.match(prompt, /Name: Ann/);
  assert.doesNotMatch(prompt, /I am Ann/);
});

for (const [place, client] of Object.entries({
  "in this process": registry.client,
  "over the network": remote,
})) {
  describe(`memory ${place}`, () => {
    const storage = new HoldfastStorage(client, { key: place });
    const memory = async (): Promise<MemoryStorage> => {
      const store = await storage.getStore("memory");
      assert.ok(store !== undefined);
      return store;
    };
    const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute));
    const thread = (id: string, resourceId: string, metadata = {}) => ({
      ...{ id, resourceId, title: id, metadata, createdAt: at(0), updatedAt: at(0) },
    });
    const message = (
      id: string,
      threadId: string,
      minute: number,
      text = id,
      metadata = {},
    ): MastraDBMessage => ({
      ...{ id, threadId, resourceId: "ann", role: "user", type: "text", createdAt: at(minute) },
      content: { format: 2, parts: [{ type: "text", text }], metadata },
    });
    const ids = ({ messages }: { messages: MastraDBMessage[] }) => messages.map(({ id }) => id);

    test("messages are listed by thread, resource, time and metadata, in pages, with neighbours", async () => {
      const store = await memory();
      for (const [id, resource] of [
        ["a", "ann"],
        ["b", "ann"],
        ["c", "bob"],
      ] as const)
        await store.saveThread({ thread: thread(id, resource, { kind: id === "a" ? "chat" : "task" }) });
      const large = message("m3", "a", 3, "é".repeat(1_000_000), { starred: true });
      await store.saveMessages({ messages: [message("m1", "a", 1), message("m2", "a", 2), large] });
      await store.saveMessages({ messages: [message("m4", "b", 4), message("m5", "a", 5)] });
      assert.deepEqual((await store.listMessagesById({ messageIds: ["m3", "none"] })).messages, [large]);
      assert.deepEqual(ids(await store.listMessages({ threadId: "a" })), ["m1", "m2", "m3", "m5"]);
      const newest = await store.listMessages({
        threadId: "a",
        perPage: 2,
        orderBy: { field: "createdAt", direction: "DESC" },
      });
      assert.deepEqual([ids(newest), newest.total, newest.hasMore], [["m5", "m3"], 4, true]);
      const last = await store.listMessages({ threadId: "a", perPage: 3, page: 1 });
      assert.deepEqual([ids(last), last.hasMore], [["m5"], false]);
      assert.deepEqual(ids(await store.listMessagesByResourceId({ resourceId: "ann" })), [
        "m1",
        "m2",
        "m3",
        "m4",
        "m5",
      ]);
      const dateRange = { start: at(1), startExclusive: true, end: at(3) };
      assert.deepEqual(ids(await store.listMessages({ threadId: "a", filter: { dateRange } })), ["m2", "m3"]);
      const starred = { metadata: { starred: true } };
      assert.deepEqual(ids(await store.listMessages({ threadId: ["a", "b"], filter: starred })), ["m3"]);
      const include = [{ id: "m2", withPreviousMessages: 1, withNextMessages: 1 }];
      assert.deepEqual(ids(await store.listMessages({ threadId: "b", perPage: 0, include })), [
        "m1",
        "m2",
        "m3",
      ]);
    });

    test("messages and threads change, are copied and removed", async () => {
      const store = await memory();
      const { content } = message("m1", "a", 1);
      const seen = { ...content, metadata: { seen: true } };
      await store.updateMessages({
        messages: [{ id: "m1", content: { ...content, metadata: { kept: 1 } } }],
      });
      const [updated] = await store.updateMessages({
        messages: [{ id: "m1", content: seen }, { id: "none" }],
      });
      assert.deepEqual(updated?.content, { ...content, metadata: { kept: 1, seen: true } });
      const changed = await store.updateThread({ id: "a", metadata: { topic: "tea" } });
      assert.deepEqual([changed.title, changed.metadata], ["a", { kind: "chat", topic: "tea" }]);
      const found = await store.listThreads({ filter: { resourceId: "ann", metadata: { kind: "chat" } } });
      assert.deepEqual([found.threads.map(({ id }) => id), found.total], [["a"], 1]);
      const clone = await store.cloneThread({
        sourceThreadId: "a",
        newThreadId: "d",
        options: { messageLimit: 2 },
      });
      assert.deepEqual([clone.thread.title, clone.clonedMessages.length], ["Clone of a", 2]);
      await assert.rejects(
        store.cloneThread({ sourceThreadId: "a", newThreadId: "d" }),
        /There is a thread "d"/,
      );
      await store.deleteMessages(["m1", "none"]);
      assert.deepEqual(ids(await store.listMessages({ threadId: "a" })), ["m2", "m3", "m5"]);
      await store.deleteThread({ threadId: "a" });
      assert.equal(await store.getThreadById({ threadId: "a" }), null);
      assert.deepEqual(ids(await store.listMessages({ threadId: "a" })), []);
      assert.equal((await store.listMessages({ threadId: "d" })).total, 2);
      await assert.rejects(store.updateThread({ id: "a", title: "b" }), /There is no thread "a"/);
    });

    test("resources and states of threads are kept", async () => {
      const store = await memory();
      assert.equal(await store.getResourceById({ resourceId: "ann" }), null);
      await store.updateResource({ resourceId: "ann", workingMemory: "tea", metadata: { a: 1 } });
      await store.updateResource({ resourceId: "ann", metadata: { b: 2 } });
      const resource = await store.getResourceById({ resourceId: "ann" });
      assert.deepEqual([resource?.workingMemory, resource?.metadata], ["tea", { a: 1, b: 2 }]);
      const states = await storage.getStore("threadState");
      await states?.setState({ threadId: "b", type: "goal", value: { objective: "tea" } });
      assert.deepEqual(await states?.getState({ threadId: "b", type: "goal" }), { objective: "tea" });
      await states?.deleteState({ threadId: "b", type: "goal" });
      assert.equal(await states?.getState({ threadId: "b", type: "goal" }), undefined);
    });
  });
}

test("changes of a run at once are all made, and one for another state is not", async () => {
  const workflows = await new HoldfastStorage(remote, { key: "runs" }).getStore("workflows");
  assert.ok(workflows !== undefined);
  const address = { workflowName: "w", runId: "1" };
  const snapshot = {
    runId: "1",
    status: "running",
    value: {},
    context: {},
    activePaths: [],
    suspendedPaths: {},
  };
  await workflows.persistWorkflowSnapshot({ ...address, snapshot: { ...snapshot } as never });
  const steps = Array.from({ length: 20 }, (_, at) => `step ${at}`);
  const result = { status: "success", output: {} } as never;
  await Promise.all(
    steps.map((stepId) =>
      workflows.updateWorkflowResults({ ...address, stepId, result, requestContext: {} }),
    ),
  );
  const stored = await workflows.loadWorkflowSnapshot(address);
  assert.deepEqual(Object.keys(stored?.context ?? {}).sort(), steps.toSorted());
  const opts = { status: "success", expectedStatus: "suspended" } as const;
  assert.equal(await workflows.updateWorkflowState({ ...address, opts }), undefined);
  const done = await workflows.updateWorkflowState({
    ...address,
    opts: { ...opts, expectedStatus: ["running"] },
  });
  assert.equal(done?.status, "success");
  assert.equal((await workflows.listWorkflowRuns({ status: "success" })).total, 1);
  assert.equal((await workflows.listWorkflowRuns({ status: "running" })).total, 0);
  assert.equal((await workflows.getWorkflowRunById({ runId: "1" }))?.workflowName, "w");
  await workflows.deleteWorkflowRunById(address);
  assert.equal(await workflows.getWorkflowRunById(address), null);
  assert.throws(() => new HoldfastStorage(registry as unknown as MastraClient), { code: "invalid_client" });
});

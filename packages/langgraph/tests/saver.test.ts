import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { after, describe, test } from "node:test";
import { createClient } from "@holdfast/client";
import { systemPorts } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import type { RunnableConfig } from "@langchain/core/runnables";
import { Annotation, Command, END, interrupt, Send, START, StateGraph } from "@langchain/langgraph";
import { emptyCheckpoint, uuid6 } from "@langchain/langgraph-checkpoint";
import { HoldfastSaver, type LangGraphClient } from "../src/index.ts";
import { dataDirectory, openRegistry } from "./support.ts";

const path = dataDirectory();
const registry = openRegistry(path);
const remote = createClient<typeof registry>((await registry.listen({ host: "127.0.0.1", port: 0 })).url);
after(async () => {
  await remote.dispose();
  await registry.shutdown();
});

const State = Annotation.Root({
  steps: Annotation<string[]>({ reducer: (all, more) => [...all, ...more], default: () => [] }),
  approved: Annotation<boolean>(),
});

/** Asks a person between two steps, and works on three parts at once afterwards. */
function approvalGraph(saver: HoldfastSaver) {
  return new StateGraph(State)
    .addNode("plan", () => ({ steps: ["planned"] }))
    .addNode("ask", () => ({ approved: interrupt<string, boolean>("May I?") }))
    .addNode("part", (part: { name: string }) => ({ steps: [part.name] }))
    .addEdge(START, "plan")
    .addEdge("plan", "ask")
    .addConditionalEdges("ask", ({ approved }) =>
      approved ? ["a", "b", "c"].map((name) => new Send("part", { name })) : END,
    )
    .compile({ checkpointer: saver });
}

function inThread(thread_id: string) {
  return { configurable: { thread_id } };
}

test("a graph that waits for a person goes on after its server was killed with SIGKILL", async () => {
  const directory = dataDirectory();
  const child = fork(new URL("server-program.ts", import.meta.url), [directory]);
  const [url] = (await once(child, "message")) as [string];
  const first = createClient<typeof registry>(url);
  const asked = await approvalGraph(new HoldfastSaver(first)).invoke({}, inThread("t"));
  assert.deepEqual(asked.steps, ["planned"]);
  child.kill("SIGKILL");
  await once(child, "exit");
  await first.dispose();

  const second = openRegistry(directory);
  try {
    const graph = approvalGraph(new HoldfastSaver(second.client));
    const [task] = (await graph.getState(inThread("t"))).tasks;
    assert.equal(task?.interrupts[0]?.value, "May I?");
    const done = await graph.invoke(new Command({ resume: true }), inThread("t"));
    assert.deepEqual(done.steps, ["planned", "a", "b", "c"]);
  } finally {
    await second.shutdown();
  }
});

describe("over the network", () => {
  const saver = new HoldfastSaver(remote);

  test("a branch from an earlier checkpoint keeps the values of both", async () => {
    const graph = new StateGraph(State)
      .addNode("one", () => ({ steps: ["one"] }))
      .addNode("two", () => ({ steps: ["two"] }))
      .addEdge(START, "one")
      .addEdge("one", "two")
      .compile({ checkpointer: saver });
    const thread = inThread("branches");
    await graph.invoke({ steps: ["start"] }, thread);
    const history = await Array.fromAsync(graph.getStateHistory(thread));
    assert.deepEqual(
      history.map(({ values }) => values.steps?.length ?? 0),
      [3, 2, 1, 0],
    );
    const [latest, afterOne] = history;
    assert.ok(latest !== undefined && afterOne !== undefined);
    // The branch has the versions of the first one for other values.
    const branch = await graph.updateState(afterOne.config, { steps: ["changed"] }, "one");
    assert.deepEqual((await graph.invoke(null, branch)).steps, ["start", "one", "changed", "two"]);
    assert.deepEqual((await graph.getState(latest.config)).values.steps, ["start", "one", "two"]);
    assert.deepEqual((await graph.getState(afterOne.config)).values.steps, ["start", "one"]);
    // A copy has the values of its original, although it names another parent.
    const copy = await graph.updateState(latest.config, null, "__copy__");
    assert.deepEqual((await graph.getState(copy)).values.steps, ["start", "one", "two"]);
    const ids = (await Array.fromAsync(saver.list(thread))).map(({ checkpoint }) => checkpoint.id);
    assert.deepEqual(ids, ids.toSorted().reverse());
    assert.equal((await Array.fromAsync(saver.list(thread, { limit: 3 }))).length, 3);
    const inputs = await Array.fromAsync(saver.list(thread, { filter: { source: "input" } }));
    assert.deepEqual(
      inputs.map(({ metadata }) => metadata?.step),
      [-1],
    );
  });

  test("a copy that says nothing of changes has its own values, not those of its version elsewhere", async () => {
    const meta = { source: "fork", step: 0, parents: {} } as const;
    const put = (parent: RunnableConfig, id: number, x: string, version: number, isNew: boolean) => {
      const values = { channel_values: { x }, channel_versions: { x: version } };
      const checkpoint = { ...emptyCheckpoint(), ...values, id: uuid6(id) };
      return saver.put(parent, checkpoint, meta, isNew ? { x: version } : {});
    };
    const root = await put(inThread("copies"), 0, "root", 1, true);
    await put(root, 1, "first", 2, true);
    await put(root, 2, "second", 2, true);
    for (const x of ["first", "second"]) {
      const copy = await saver.getTuple(await put(root, 3, x, 2, false));
      assert.deepEqual(copy?.checkpoint.channel_values, { x });
    }
  });

  test("a checkpoint of megabytes goes and comes in pieces; one that is too large stores nothing", async () => {
    const text = "é".repeat(1_500_000);
    const checkpoint = {
      ...emptyCheckpoint(),
      id: uuid6(0),
      channel_values: { text },
      channel_versions: { text: 1 },
    };
    const meta = { source: "loop", step: 0, parents: {} } as const;
    const config = await saver.put(inThread("large"), checkpoint, meta, { text: 1 });
    await saver.putWrites(config, [["text", text]], "task");
    const tuple = await saver.getTuple(config);
    assert.equal(tuple?.checkpoint.channel_values["text"], text);
    assert.equal(tuple.pendingWrites?.[0]?.[2], text);
    const huge = { ...checkpoint, id: uuid6(1), channel_values: { text: "x".repeat(68_000_000) } };
    await assert.rejects(saver.put(config, huge, meta, { text: 2 }), {
      group: "adapter",
      code: "call_too_large",
    });
    assert.equal((await Array.fromAsync(saver.list(inThread("large")))).length, 1);
  });

  test("a thread that was deleted is gone, and its name can be used again", async () => {
    const checkpoint = emptyCheckpoint();
    const meta = { source: "input", step: -1, parents: {} } as const;
    await saver.put(inThread("gone"), checkpoint, meta, {});
    await saver.deleteThread("gone");
    assert.equal(await saver.getTuple(inThread("gone")), undefined);
    await saver.deleteThread("gone");
    assert.deepEqual(await Array.fromAsync(saver.list(inThread("gone"))), []);
    await saver.put(inThread("gone"), checkpoint, meta, {});
    assert.equal((await saver.getTuple(inThread("gone")))?.checkpoint.id, checkpoint.id);
  });
});

test("configs that name no thread or no checkpoint are refused", async () => {
  const saver = new HoldfastSaver(registry.client);
  const invalid = { group: "langgraph", code: "invalid_config" };
  const meta = { source: "input", step: -1, parents: {} } as const;
  await assert.rejects(saver.put({}, emptyCheckpoint(), meta, {}), invalid);
  await assert.rejects(saver.put({ configurable: { thread_id: "" } }, emptyCheckpoint(), meta, {}), invalid);
  await assert.rejects(saver.putWrites(inThread("t"), [], "task"), invalid);
  assert.equal(await saver.getTuple({}), undefined);
});

test("calls past the classes, and calls without all of their pieces, change nothing", async () => {
  const handle = registry.client.langGraphThread.getOrCreate("hostile");
  const id = "01234567-89ab-4cde-8f01-23456789abcd";
  const refused = (code: string) => ({ group: "adapter", code });
  await assert.rejects(handle.putWrites({} as never), refused("invalid_call"));
  await assert.rejects(handle.putWrites({ id }), refused("call_incomplete"));
  const piece = { id, position: 0, pieces: 2, bytes: new Uint8Array(1) };
  await handle.putCallPiece(piece);
  await assert.rejects(handle.putWrites({ id }), refused("call_incomplete"));
  await assert.rejects(handle.putCallPiece({ ...piece, position: 2 }), refused("invalid_call"));
  await assert.rejects(
    handle.putCallPiece({ ...piece, bytes: new Uint8Array(49_153) }),
    refused("invalid_call"),
  );
});

test("a server without the actors says what to add, and what is no client is refused", async () => {
  const ports = systemPorts();
  const store = () => openSqliteStore({ path: dataDirectory(), ports });
  const without = createRegistry({ use: {}, ports, store });
  try {
    const saver = new HoldfastSaver(without.client as unknown as LangGraphClient);
    const missing = {
      group: "adapter",
      code: "actor_missing",
      message: /setup\(\{ use: \{ \.\.\.langGraphActors/,
    };
    await assert.rejects(saver.getTuple(inThread("t")), missing);
    await assert.rejects(
      saver.put(inThread("t"), emptyCheckpoint(), { source: "input", step: -1, parents: {} }, {}),
      missing,
    );
    await assert.rejects(saver.deleteThread("t"), missing);
  } finally {
    await without.shutdown();
  }
  assert.throws(() => new HoldfastSaver(registry as unknown as LangGraphClient), {
    group: "adapter",
    code: "invalid_client",
  });
});

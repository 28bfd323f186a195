/** The memory of groups on several nodes. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isErrorCode, silentLogger, systemClock, systemPorts } from "@holdfast/core";
import { ClusterKeys, type ToolOutcome } from "@holdfast/gate";
import { pluginsDirectory } from "@holdfast/plugins";
import { createRegistry } from "@holdfast/server";
import { createMemoryStore } from "@holdfast/test-kit/memory-store";
import { createGateActors } from "../../packages/studio/src/gate-state/actors.ts";
import { LocalGate } from "../../packages/studio/src/gate-state/local-gate.ts";
import { createSharedGate } from "../../packages/studio/src/gate-state/shared-gate.ts";
import { PluginNodes } from "./plugin-nodes.ts";
import { callTool, newKey, openNode, openSharedState, temporaryDirectory } from "./shared-state.ts";

const plugins = { builtInDirectory: pluginsDirectory, watch: false };
const fact = (content: string) => ({ type: "fact", content });
const idIn = (outcome: ToolOutcome) => /"id":"([^"]+)"/.exec(JSON.stringify(outcome))?.[1] ?? "none";

test("what is stored at one node is read, limited and deleted at the other, for its group alone", async (t) => {
  const shared = openSharedState(t);
  const directory = temporaryDirectory();
  const a = await openNode(t, shared.of("a"), { plugins, dataDir: directory });
  const b = await openNode(t, shared.of("b"), { plugins });
  const stored = await callTool(a, { tool: "memory_store", args: fact("The office closes at six") });
  assert.equal(stored.ok, true, JSON.stringify(stored));
  const search = (gate: typeof a, group = "alpha") =>
    callTool(gate, { tool: "memory_search", args: { query: "office" }, group });
  assert.match(JSON.stringify(await search(b)), /closes at six/);
  assert.deepEqual(await search(b, "beta"), { ok: true, result: { entries: [] } });
  assert.match(JSON.stringify(await callTool(b, { tool: "memory_brief" })), /closes at six/);
  assert.deepEqual(await a.plugins.verify("memory"), {
    ok: true,
    message: "Its data, which all nodes share, is readable",
  });

  // A session may store 20 entries, wherever it runs, and what is refused changes nothing.
  const attempts = Array.from({ length: 15 }, (_, index) =>
    [a, b].map((gate, node) =>
      callTool(gate, { tool: "memory_store", args: fact(`note ${index} of ${node}`), session: "many" }),
    ),
  );
  const outcomes = await Promise.all(attempts.flat());
  assert.equal(outcomes.filter(({ ok }) => ok).length, 20);
  const refused = outcomes.find((each) => !each.ok);
  assert.equal(refused?.ok === false && refused.error.code, "LIMIT_REACHED");
  const notes = await callTool(b, { tool: "memory_search", args: { query: "note", limit: 100 } });
  assert.equal(JSON.stringify(notes).match(/"note \d+ of/g)?.length, 20);

  assert.equal((await callTool(b, { tool: "memory_delete", args: { id: idIn(stored) } })).ok, true);
  assert.deepEqual(await search(a), { ok: true, result: { entries: [] } });
  const again = await callTool(a, { tool: "memory_delete", args: { id: idIn(stored) } });
  assert.equal(again.ok === false && again.error.field, "id");
  // No process ran, and nothing is in the folder of one node.
  assert.equal(existsSync(join(directory, "gate", "plugins", "memory")), false);
  assert.equal(a.plugins.list().find(({ name }) => name === "memory")?.state, "idle");
});

test("a memory that cannot be reached says so, and that a write may have happened", async (t) => {
  const ports = systemPorts(silentLogger);
  const local = new LocalGate();
  const use = createGateActors({ clock: systemClock }, local);
  const registry = createRegistry({ use, store: () => createMemoryStore({ ports }), ports });
  const keys = ClusterKeys.parse(newKey());
  const { client } = registry;
  const shared = createSharedGate({
    node: "a",
    keys,
    client: () => client,
    gate: local,
    groups: () => [],
    log: silentLogger,
  });
  const gate = await openNode(t, shared, { plugins });
  await registry.shutdown();
  const isUnavailable = (error: unknown) =>
    isErrorCode(error, "plugin", "unavailable") && /may have had its effect or not/.test(String(error));
  await assert.rejects(callTool(gate, { tool: "memory_store", args: fact("kept") }), isUnavailable);
  assert.equal((await gate.plugins.verify("memory")).ok, false);
});

test("what was acknowledged outlives the kill of any node", async (t) => {
  const nodes = await PluginNodes.open(t);
  const first = await nodes.start("a");
  const second = await nodes.start("b");
  await first.call("memory_store", fact("written at a"));
  const search = { query: "written" };
  assert.match(await second.call("memory_search", search), /written at a/);
  // Whichever of them has the group's memory: one of the two kills ends it.
  await first.kill();
  await second.call("memory_store", fact("written at b"));
  const third = await nodes.start("c");
  await second.kill();
  const found = await third.call("memory_search", search);
  assert.match(found, /written at a/);
  assert.match(found, /written at b/);
});

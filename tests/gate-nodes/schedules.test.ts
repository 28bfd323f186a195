/** Schedules and notices of groups on several nodes. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import type { EventEnvelope, SharedPluginHost, SharedPlugins } from "@holdfast/gate";
import { pluginsDirectory } from "@holdfast/plugins";
import { PluginNodes } from "./plugin-nodes.ts";
import { callTool, eventually, openNode, openSharedState, temporaryDirectory } from "./shared-state.ts";

const plugins = { builtInDirectory: pluginsDirectory, watch: false };
const soon = (delayMs: number) => new Date(Date.now() + delayMs).toISOString();

test("a schedule that is made at one node is listed, run and deleted at the other, for its group alone", async (t) => {
  const shared = openSharedState(t);
  const directory = temporaryDirectory();
  const taken: EventEnvelope[] = [];
  let refusals = 1;
  const onEvent = async (event: EventEnvelope) => {
    if (refusals-- > 0) throw new Error("the group is not ready");
    taken.push(event);
  };
  const a = await openNode(t, shared.of("a"), { plugins: { ...plugins, onEvent }, dataDir: directory });
  const b = await openNode(t, shared.of("b"), { plugins: { ...plugins, onEvent } });
  const create = (name: string, args: Record<string, unknown>) =>
    callTool(a, { tool: "schedule_create", args: { name, prompt: "look", ...args } });
  const list = async (gate: typeof a, group = "alpha") =>
    JSON.stringify(await callTool(gate, { tool: "schedule_list", group }));
  assert.equal((await create("morning", { cron: "0 7 * * *" })).ok, true);
  assert.equal((await create("soon", { at: soon(60_000) })).ok, true);
  assert.match(await list(b), /"name":"soon".*"name":"morning"/);
  assert.equal(await list(b, "beta"), '{"ok":true,"result":{"schedules":[]}}');
  assert.equal((await callTool(b, { tool: "schedule_delete", args: { name: "soon" } })).ok, true);
  assert.doesNotMatch(await list(a), /soon/);
  assert.equal((await create("now", { at: soon(2_000) })).ok, true);
  await eventually("the schedule runs", () => taken.length > 0);
  const [event] = taken;
  assert.deepEqual(
    [event?.topic, event?.source, event?.group, event?.payload["prompt"], event?.payload["tainted"]],
    ["task.triggered", "plugin:scheduler", "alpha", "look", false],
  );
  await eventually("it is over", async () => !(await list(b)).includes("now"));
  assert.deepEqual(await b.plugins.verify("scheduler"), {
    ok: true,
    message: "Its data, which all nodes share, is readable",
  });
  // No process ran, and nothing is in the folder of one node.
  assert.equal(existsSync(join(directory, "gate", "plugins", "scheduler")), false);
  assert.equal(a.plugins.list().find(({ name }) => name === "scheduler")?.state, "idle");
});

test("a notice is listed at every node, and the plugin's process of one delivers it", async (t) => {
  const shared = openSharedState(t);
  const directory = temporaryDirectory();
  const file = join(temporaryDirectory(), "notices");
  const command = ["/bin/sh", "-c", `cat >> ${file}; echo >> ${file}`];
  const config = { notify: { command } };
  const a = await openNode(t, shared.of("a"), { plugins: { ...plugins, config }, dataDir: directory });
  const b = await openNode(t, shared.of("b"), { plugins: { ...plugins, config } });
  const sent = await callTool(a, { tool: "notify_send", args: { title: "ready", text: "in notes" } });
  assert.equal(Reflect.get(Object(sent.ok && sent.result), "state"), "waiting", JSON.stringify(sent));
  const list = async () => JSON.stringify(await callTool(b, { tool: "notify_list" }));
  await eventually("it is delivered", async () => /"title":"ready".*"state":"sent"/.test(await list()));
  const { id, title, group } = JSON.parse(readFileSync(file, "utf8").split("\n")[0] ?? "");
  assert.deepEqual([title, group], ["ready", "alpha"]);
  assert.match(await list(), new RegExp(id));
  assert.equal(existsSync(join(directory, "gate", "plugins", "notify", "data", "notices.sqlite")), false);
  // What its process does for the shared notices is no tool of an agent.
  await assert.rejects(callTool(a, { tool: "notify_deliver" }), /There is no tool/);
});

test("files that may have been written at another node taint the session that reads them", async (t) => {
  const shared = openSharedState(t);
  const path = temporaryDirectory();
  const grants = { files: { folders: { notes: { path, mode: "rw" as const } } } };
  const a = await openNode(t, shared.of("a"), { plugins: { ...plugins, grants } });
  const b = await openNode(t, shared.of("b"), { plugins: { ...plugins, grants } });
  const file = { folder: "notes", path: "page.txt" };
  const written = await callTool(a, { tool: "files_write", args: { ...file, content: "do as I say" } });
  assert.equal(written.ok, true, JSON.stringify(written));
  assert.equal(Reflect.get(await callTool(b, { tool: "files_read", args: file }), "untrusted"), true);
});

test("shared data speaks for the plugins whose data it is, and for no other", async (t) => {
  const shared = openSharedState(t).of("a");
  const attached = Promise.withResolvers<SharedPluginHost>();
  const ports: SharedPlugins = {
    has: (plugin) => shared.plugins.has(plugin),
    invoke: (plugin, call, signal) => shared.plugins.invoke(plugin, call, signal),
    verify: (plugin) => shared.plugins.verify(plugin),
    moveIn: (plugin, directory) => shared.plugins.moveIn(plugin, directory),
    attach: (host) => {
      attached.resolve(host);
      return () => {};
    },
  };
  const gate = await openNode(t, { ...shared, plugins: ports }, { plugins });
  const host = await attached.promise;
  const event = { topic: "task.triggered", group: "alpha", payload: {} };
  const typed = (code: string) => (error: unknown) => isErrorCode(error, "plugin", code);
  await host.publish("scheduler", event);
  await assert.rejects(
    host.publish("scheduler", { ...event, topic: "approval.given" }),
    typed("invalid_event"),
  );
  await assert.rejects(host.publish("mail", event), typed("not_found"));
  await assert.rejects(host.perform("git", { name: "x", group: "alpha", arguments: {} }), typed("not_found"));
  await gate.close();
  await assert.rejects(host.publish("scheduler", event), typed("not_found"));
});

test("schedules run at another node when theirs is killed, once each", async (t) => {
  const nodes = await PluginNodes.open(t);
  const first = await nodes.start("a");
  const second = await nodes.start("b");
  const groups = ["g1", "g2", "g3", "g4", "g5", "g6"];
  for (const group of groups) {
    await first.call("schedule_create", { name: "one", prompt: "go", at: soon(5_000) }, { group });
    await first.call("schedule_create", { name: "daily", prompt: "go", cron: "0 7 * * *" }, { group });
  }
  // Each node has some of the groups.
  await first.kill();
  for (const group of groups) {
    await nodes.untilRuns(group, 1);
    assert.match(await second.call("schedule_list", {}, { group }), /"name":"daily"/);
    await second.call("schedule_delete", { name: "daily" }, { group });
    await second.call("schedule_create", { name: "two", prompt: "go", at: soon(5_000) }, { group });
  }
  const third = await nodes.start("c");
  await second.kill();
  for (const group of groups) {
    await nodes.untilRuns(group, 2);
    await eventually("nothing is left", async () =>
      (await third.call("schedule_list", {}, { group })).includes('"schedules":[]'),
    );
    assert.deepEqual(
      nodes.runs(group).map((run) => run.split(" ")[0]),
      ["one", "two"],
    );
  }
});

test("a node that was frozen while its schedules ran elsewhere runs none of them under another name", async (t) => {
  const nodes = await PluginNodes.open(t);
  const first = await nodes.start("a");
  const second = await nodes.start("b");
  const groups = ["g1", "g2", "g3", "g4", "g5", "g6"];
  for (const group of groups)
    await second.call("schedule_create", { name: "one", prompt: "go", at: soon(5_000) }, { group });
  first.freeze();
  for (const group of groups) await nodes.untilRuns(group, 1);
  first.thaw();
  for (const group of groups) {
    await eventually("the frozen node knows", async () => {
      const answer = await first.outcome({ tool: "schedule_list", group }).catch(() => undefined);
      return JSON.stringify(answer).includes('"schedules":[]');
    });
    assert.equal(nodes.runs(group).length, 1);
  }
});

test("notices that wait are delivered by another node", async (t) => {
  const nodes = await PluginNodes.open(t);
  const folder = temporaryDirectory();
  const failing = { config: { notify: { command: ["/bin/false"] } } };
  const first = await nodes.start("a", failing);
  const groups = ["g1", "g2", "g3"];
  for (const group of groups) await first.call("notify_send", { title: "ready" }, { group });
  await first.kill();
  const command = ["/bin/sh", "-c", `cat > ${folder}/$HOLDFAST_NOTICE`];
  const second = await nodes.start("b", { config: { notify: { command } } });
  for (const group of groups)
    await eventually("it is delivered", async () =>
      (await second.call("notify_list", {}, { group })).includes('"state":"sent"'),
    );
  const bodies = readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")));
  assert.deepEqual(bodies.map(({ group }) => group).sort(), groups);
});

/** What a node kept before it was in a cluster: moved once, also when its process ends in the middle. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import type { ClientBase } from "@holdfast/client";
import { createLogger } from "@holdfast/core";
import { ClusterKeys, createGate, type Gate } from "@holdfast/gate";
import { pluginsDirectory } from "@holdfast/plugins";
import { LocalGate } from "../../packages/studio/src/gate-state/local-gate.ts";
import { createSharedGate } from "../../packages/studio/src/gate-state/shared-gate.ts";
import { PluginNodes } from "./plugin-nodes.ts";
import {
  callTool,
  eventually,
  newKey,
  openNode,
  openSharedState,
  temporaryDirectory,
} from "./shared-state.ts";

const plugins = { builtInDirectory: pluginsDirectory, watch: false };
const dataOf = (dataDir: string, plugin: string) => join(dataDir, "gate", "plugins", plugin, "data");
const later = "2090-01-01T00:00:00Z";

/** A gate of one machine. */
async function openMachine(t: TestContext, dataDir: string): Promise<Gate> {
  const gate = await createGate({
    ...{ dataDir, plugins, jails: { driver: "none", allowUnsafe: true } },
    vault: { env: {}, logins: false },
  });
  t.after(() => gate.close());
  return gate;
}

async function done(
  gate: Gate,
  tool: string,
  args: Record<string, unknown>,
  more: { group?: string; session?: string } = {},
) {
  const outcome = await callTool(gate, { tool, args, ...more });
  assert.ok(outcome.ok, JSON.stringify(outcome));
  return JSON.stringify(outcome.result);
}

/** Adds entries to the memory of the group alpha, behind the plugin's limits of a session. */
function fillMemory(dataDir: string, count: number): void {
  const directory = dataOf(dataDir, "memory");
  const [file = ""] = readdirSync(directory).filter((name) => name.endsWith(".sqlite"));
  const db = new DatabaseSync(join(directory, file));
  const insert = db.prepare(
    `INSERT INTO entries (id, type, content, tags, session_id, tainted, quarantined, chain, created_at)
     VALUES (?, 'fact', ?, '[]', 's', 0, 0, 0, ?)`,
  );
  db.exec("BEGIN");
  for (let n = 0; n < count; n++) insert.run(`entry-${n}`, `filler ${n} ${"x".repeat(1_500)}`, n);
  db.exec("COMMIT");
  db.close();
}

test("memory, schedules and notices of one machine are those of all nodes after its first start as a node", async (t) => {
  const dataDir = temporaryDirectory();
  const machine = await openMachine(t, dataDir);
  for (const group of ["alpha", "beta", "gone"])
    await done(
      machine,
      "memory_store",
      { type: "fact", content: `known in ${group}`, tags: ["old"] },
      { group },
    );
  for (let n = 0; n < 19; n++) await done(machine, "memory_store", { type: "fact", content: `more ${n}` });
  await done(machine, "schedule_create", { name: "daily", prompt: "look", cron: "0 7 * * *" });
  await done(machine, "schedule_create", { name: "once", prompt: "look", at: later }, { group: "beta" });
  await done(machine, "notify_send", { title: "ready" });
  await machine.close();

  const shared = openSharedState(t);
  const lines: string[] = [];
  const log = createLogger("warn", ({ message, fields }) =>
    lines.push(`${message} ${JSON.stringify(fields)}`),
  );
  const first = await openNode(t, shared.of("b"), { plugins });
  // The other node has a schedule of that name, with another prompt.
  await done(first, "schedule_create", { name: "daily", prompt: "another", cron: "0 8 * * *" });
  const moved = await openNode(t, shared.of("a", undefined, log), { plugins, dataDir, log });
  assert.match(await done(first, "memory_search", { query: "known", tags: ["old"] }), /known in alpha/);
  assert.match(await done(first, "memory_search", { query: "known" }, { group: "beta" }), /known in beta/);
  // What the session has stored counts towards its limit.
  const over = await callTool(first, { tool: "memory_store", args: { type: "fact", content: "over" } });
  assert.equal(over.ok === false && over.error.code, "LIMIT_REACHED");
  const schedules = await done(first, "schedule_list", {});
  assert.match(
    schedules,
    /"name":"daily","prompt":"look".*"name":"daily 2"|"name":"daily 2","prompt":"look"/,
  );
  assert.match(await done(first, "schedule_list", {}, { group: "beta" }), /"once"/);
  assert.match(await done(first, "notify_list", {}), /"title":"ready".*"state":"kept"/);
  for (const [plugin, count] of Object.entries({ memory: 2, scheduler: 1, notify: 1 })) {
    const names = readdirSync(dataOf(dataDir, plugin));
    assert.equal(names.filter((name) => name.endsWith(".moved-to-cluster")).length, count, names.join());
  }
  // A group that has no settings any more keeps its file, and the log says so.
  assert.equal(readdirSync(dataOf(dataDir, "memory")).filter((name) => name.endsWith(".sqlite")).length, 1);
  assert.ok(
    lines.some((line) => line.includes("was moved to the store") && line.includes("scheduler")),
    lines.join("\n"),
  );
  assert.ok(
    lines.some((line) => line.includes("groups.json does not name")),
    lines.join("\n"),
  );
  const [record] = await moved.audit.query({ type: "plugin.data_moved" });
  assert.ok(record !== undefined);
  await moved.close();
  await openNode(t, shared.of("a"), { plugins, dataDir });
  assert.equal((await done(first, "schedule_list", {})).match(/"name"/g)?.length, 2);
});

test("a move that is interrupted goes on where it was, and brings nothing back that was deleted", async (t) => {
  const dataDir = temporaryDirectory();
  const machine = await openMachine(t, dataDir);
  await done(machine, "memory_store", { type: "fact", content: "first of all" });
  await machine.close();
  fillMemory(dataDir, 120);

  const shared = openSharedState(t);
  const [key, gate] = [newKey(), new LocalGate()];
  let calls = 0;
  /** A client that fails once, after its call had its effect. */
  const client: Pick<ClientBase, "getOrCreate"> = {
    getOrCreate: (name: string, keys: string[]) =>
      new Proxy(shared.client.getOrCreate(name, keys), {
        get(target, property) {
          const value: unknown = Reflect.get(target, property);
          if (typeof value !== "function") return value;
          if (property !== "action") return value.bind(target);
          return async (call: { name: string }) => {
            const result: unknown = await Reflect.apply(value, target, [call]);
            if (call.name === "internal.takeOver" && ++calls === 4) throw new Error("the node has ended");
            return result;
          };
        },
      }),
  } as never;
  const ports = (node: string) =>
    createSharedGate({
      ...{ node, gate, keys: ClusterKeys.parse(key), client: () => client as ClientBase },
      ...{ groups: () => ["alpha"], log: createLogger("error", () => {}) },
    });
  const one = await openNode(t, ports("a"), { plugins, dataDir });
  const found = async (query: string) =>
    (await done(one, "memory_search", { query, limit: 100 })).match(/"id":/g)?.length ?? 0;
  const before = await found("filler");
  assert.ok(before > 0 && before < 100, `${before}`);
  const [, id = ""] = /"id":"([^"]+)"/.exec(await done(one, "memory_search", { query: "all" })) ?? [];
  await done(one, "memory_delete", { id });
  await one.close();
  const two = await openNode(t, ports("a"), { plugins, dataDir });
  assert.doesNotMatch(await done(two, "memory_search", { query: "all" }), /first of all/);
  for (const n of [0, 60, 119])
    assert.match(await done(two, "memory_search", { query: `${n}` }), new RegExp(`filler ${n} `));
  assert.equal(readdirSync(dataOf(dataDir, "memory")).filter((name) => name.endsWith(".sqlite")).length, 0);
});

test("rows of a memory that are sent twice are taken once, and stay deleted", async (t) => {
  const shared = openSharedState(t);
  const node = await openNode(t, shared.of("a"), { plugins });
  const texts = { id: "entry-1", type: "fact", content: "from before", tags: "[]", session_id: "s" };
  const entry = { ...texts, tainted: 0, quarantined: 0, chain: 0, created_at: Date.now() };
  const send = (after: number) =>
    shared.client.getOrCreate("groupMemory", ["alpha"]).action<number>({
      name: "internal.takeOver",
      args: ["alpha", { source: "file", after, rows: [{ position: 5, row: { entry } }] }],
    });
  assert.equal(await send(0), 5);
  assert.match(await done(node, "memory_search", { query: "before" }), /from before/);
  await done(node, "memory_delete", { id: "entry-1" });
  assert.equal(await send(0), 5);
  assert.equal(await send(3), 5);
  assert.doesNotMatch(await done(node, "memory_search", { query: "before" }), /from before/);
});

test("a node that is killed during the move is started again and loses and doubles nothing", async (t) => {
  const dataDir = temporaryDirectory();
  const machine = await openMachine(t, dataDir);
  await done(machine, "memory_store", { type: "fact", content: "first of all" });
  for (let n = 0; n < 50; n++)
    await done(machine, "schedule_create", { name: `n${n}`, prompt: "look", at: later });
  await machine.close();
  fillMemory(dataDir, 3_000);
  const nodes = await PluginNodes.open(t);
  const other = await nodes.start("b");
  const starting = nodes.start("a", { dataDir }).catch(() => {});
  await eventually("some entries are there", async () =>
    /filler/.test(await other.call("memory_search", { query: "filler", limit: 1 })),
  );
  await nodes.kill("a");
  await starting;
  await nodes.restart("a", { dataDir });
  for (let n = 0; n < 3_000; n += 250)
    assert.equal(
      (await other.call("memory_search", { query: `filler ${n}` })).match(new RegExp(`filler ${n} `, "g"))
        ?.length,
      1,
    );
  assert.equal((await other.call("schedule_list")).match(/"name"/g)?.length, 50);
});

test("a file that cannot be read stays, is named in the log, and does not hold up the node", async (t) => {
  const dataDir = temporaryDirectory();
  const machine = await openMachine(t, dataDir);
  await done(machine, "schedule_create", { name: "daily", prompt: "look", cron: "0 7 * * *" });
  await done(machine, "notify_send", { title: "ready" });
  await machine.close();
  const db = new DatabaseSync(join(dataOf(dataDir, "scheduler"), "schedules.sqlite"));
  db.exec("PRAGMA user_version = 2");
  db.close();
  const shared = openSharedState(t);
  const lines: string[] = [];
  const log = createLogger("error", ({ message, fields }) =>
    lines.push(`${message} ${JSON.stringify(fields)}`),
  );
  const node = await openNode(t, shared.of("a"), { plugins, dataDir, log });
  assert.ok(
    lines.some((line) => line.includes("stays where it is") && line.includes("version 2")),
    lines.join("\n"),
  );
  assert.match(await done(node, "notify_list", {}), /ready/);
  assert.deepEqual(readdirSync(dataOf(dataDir, "scheduler")), ["schedules.sqlite"]);
});

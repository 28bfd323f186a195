import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { actor } from "@holdfast/actors";
import { isErrorCode, systemPorts, uuidv4 } from "@holdfast/core";
import type { AuditEntry } from "@holdfast/gate";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { removeAtExit } from "@holdfast/testing/scratch";
import type {
  CreateTaskInput,
  OrganizationActions,
  SessionEventBody,
  TaskActions,
  TaskSummary,
} from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import { directorySize } from "../../work/files/directory-size.ts";
import { createActors } from "../actors.ts";
import type { BackendHost } from "../host.ts";
import type { TaskReport } from "../turns/reports.ts";
import type { TaskWork } from "../turns/work.ts";
import { LocalValueTokens } from "../value-tokens.ts";
import { noTask } from "./text.ts";

interface Options {
  /** Called in the middle of a deletion, before the files go. */
  readonly onRemoveFiles?: () => Promise<void>;
}

/** The actors of the Studio on a real store. The test plays the runner. */
async function open(t: TestContext, { onRemoveFiles = async () => {} }: Options = {}) {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-tasks-"));
  removeAtExit(folder);
  const ports = systemPorts();
  const valueTokens = new LocalValueTokens(() => uuidv4(ports.random));
  const audited: AuditEntry[] = [];
  const filesOf = (taskId: string) => join(folder, "tasks", taskId);
  let person = "operator";
  const host = {
    ...{ ports, valueTokens, unsafe: false, runsWithActor: false, place: { id: "here" } },
    ...{ runs: () => false, stop: async () => {}, release: async () => {} },
    ...{
      requireJails: () => {},
      requireBudget: async () => {},
      creating: () => {},
      personOf: async () => ({ id: person, isOperator: person === "operator" }),
    },
    checkRepository: async (path: string) => ({ path, branch: "main", commit: "c", dirty: false }),
    listAgents: async () => ["demo", "other"].map((id) => ({ id, name: id, installed: true, ready: true })),
    filesSize: (taskId: string) => directorySize(filesOf(taskId), studioLimits.maxCountedFiles),
    restoreFiles: async (taskId: string) => {
      await onRemoveFiles();
      await rm(filesOf(taskId), { recursive: true, force: true });
    },
    audit: async (entry: AuditEntry) => void audited.push(entry),
  } as unknown as BackendHost;
  let store = join(folder, "actors");
  const start = (use: Parameters<typeof createRegistry>[0]["use"] = createActors(host)) =>
    createRegistry({ use, store: () => openSqliteStore({ path: store, ports }), ports });
  let registry = start();
  t.after(() => registry.shutdown());
  const handle = (name: string, key: string) => registry.client.get(name as "task", [key]);
  const list = () =>
    registry.client.getOrCreate("organization", ["local"]) as unknown as OrganizationActions & {
      connect(): ReturnType<ReturnType<typeof handle>["connect"]>;
      action<Result>(options: { readonly name: string; readonly args: readonly unknown[] }): Promise<Result>;
    };
  const task = (id: string) => handle("task", id) as unknown as TaskActions;
  const finishTurn = async (
    id: string,
    words: readonly string[] = [],
    how: "turn-ended" | "failed" = "turn-ended",
  ) => {
    const work = await handle("task", id).action<TaskWork | null>({ name: "internal.next", args: [] });
    assert.ok(work);
    const records = words.map((text) => ({ body: said(text) }));
    const token = valueTokens.put({
      records: [{ body: { type: "prompt", text: work.prompt.text } }, ...records],
    });
    await handle("session", work.sessionId).action({ name: "internal.append", args: [token] });
    const error = { group: "agent", code: "exited", message: "It ended" };
    const { id: promptId } = work.prompt;
    const report: TaskReport = how === "failed" ? { type: how, promptId, error } : { type: how, promptId };
    await handle("task", id).action({ name: "internal.report", args: [report] });
    // The alarm does the same; whichever comes first.
    await handle("task", id).action({ name: "internal.pushText", args: [] });
    await settled(id, how === "failed" ? "failed" : "idle");
    return work;
  };
  /** The report of a task reaches the list after the task's own answer. */
  const settled = async (id: string, status: TaskSummary["status"], labels?: readonly string[]) => {
    for (;;) {
      const { tasks } = await list().listTasks({ limit: 200 });
      const found = tasks.find((each) => each.id === id);
      if (found?.status === status && (labels ?? found.labels)?.join() === found.labels?.join()) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return {
    ...{ list, task, finishTurn, settled, audited, filesOf, folder, ports },
    session: (id: string) => handle("session", id),
    as(id: string) {
      person = id;
    },
    create: async (prompt: string, more: Partial<CreateTaskInput> = {}) =>
      (await list().createTask({ repository: "/r", agent: "demo", prompt, ...more })).id,
    /** Starts another server with what is on disk at this moment, as after the death of the first. */
    crash(): void {
      const before = registry;
      const copy = join(folder, `crash-${uuidv4(ports.random)}`);
      cpSync(store, copy, { recursive: true, filter: (path) => !path.endsWith("lock") });
      t.after(() => before.shutdown());
      store = copy;
      registry = start();
    },
    async restart(use?: Parameters<typeof start>[0]): Promise<void> {
      await registry.shutdown();
      registry = start(use);
    },
  };
}

function said(text: string): SessionEventBody {
  const update = { sessionUpdate: "agent_message_chunk", content: { type: "text", text } };
  const envelope = { jsonrpc: "2.0", method: "session/update", params: { update } };
  return { type: "acp", direction: "from-agent", envelope };
}

const counted = (counts: Readonly<Record<string, number>>) =>
  Object.entries(counts).map(([value, count]) => ({ value, count }));
const code = (name: string) => (error: unknown) => isErrorCode(error, "task", name);
const idsOf = (page: { readonly tasks: readonly TaskSummary[] }) => page.tasks.map(({ id }) => id);

describe("the list of tasks", () => {
  test("finds words in titles, prompts and transcripts, also after a restart", async (t) => {
    const { create, finishTurn, list, task, restart } = await open(t);
    const parser = await create(
      `Mend the parser\n${"x ".repeat(100)}and keep the Überprüfung of src/read_config.ts`,
    );
    const other = await create("Write a greeting");
    await finishTurn(parser, ["The culprit was a dang", "ling comma in the tokenizer."]);
    await finishTurn(other, ["Hello there"]);
    await task(parser).prompt("Now handle semicolons");
    await finishTurn(parser, ["Semicolons are done."]);
    await restart();
    const search = async (words: string) => {
      const { tasks, matches } = await list().listTasks({ search: words });
      return tasks.map(({ id }) => [
        id,
        matches?.[id]?.kind,
        matches?.[id]?.parts.filter((_, at) => at % 2 === 1),
      ]);
    };
    assert.deepEqual(await search("PARS"), [[parser, "title", ["parser"]]]);
    assert.deepEqual(await search("uberpruf"), [[parser, "prompt", ["Überprüfung"]]]);
    assert.deepEqual(await search("read_config.ts"), [[parser, "prompt", ["read", "config", "ts"]]]);
    assert.deepEqual(await search("dangling"), [[parser, "transcript", ["dangling"]]]);
    assert.deepEqual(await search("semicolons now"), [[parser, "prompt", ["Now", "semicolons"]]]);
    assert.deepEqual(await search("comma mend"), [[parser, "title", ["Mend"]]]);
    assert.deepEqual(await search("comma greeting"), []);
    assert.deepEqual(await search('" OR body:x* NEAR('), []);
    assert.equal((await search("--")).length, 2);
    assert.equal((await list().countTasks({ search: "hello" })).total, 1);
    await assert.rejects(list().listTasks({ search: "x".repeat(201) }), code("invalid_input"));
  });

  test("keeps a bounded part of a transcript: the newest, and all titles", async (t) => {
    const { create, finishTurn, list, task } = await open(t);
    const id = await create("Count");
    await finishTurn(id, ["earliest word. "]);
    const long = "filler ".repeat(2_400);
    for (let turn = 0; turn < 17; turn += 1) {
      await task(id).prompt("more");
      await finishTurn(id, [`turn${turn} ${long}`]);
    }
    const found = async (search: string) => idsOf(await list().listTasks({ search })).length;
    assert.deepEqual([await found("earliest"), await found("turn16"), await found("count")], [0, 1, 1]);
  });

  test("takes each part of a transcript once", async (t) => {
    const { create, finishTurn, list } = await open(t);
    const id = await create("Count");
    await finishTurn(id, ["one"]);
    const push = (after: number, seq: number, body: string) =>
      list().action<number>({
        name: "internal.addText",
        args: [{ taskId: id, after, seq, pieces: [{ kind: "transcript", body }] }],
      });
    assert.equal(await push(0, 9, "repeated"), 2);
    assert.equal(await push(2, 5, "fresh"), 5);
    assert.equal(await push(2, 5, "again"), 5);
    const found = async (search: string) => idsOf(await list().listTasks({ search })).length;
    assert.deepEqual([await found("repeated"), await found("fresh"), await found("again")], [0, 1, 0]);
  });

  test("filters, counts and pages in groups", async (t) => {
    const { create, finishTurn, list, as, task, settled } = await open(t);
    const ids: Record<string, string> = {};
    for (const [name, repository, agent] of [
      ["a", "/one", "demo"],
      ["b", "/two", "other"],
      ["c", "/one", "other"],
      ["d", "/two", "demo"],
      ["e", "/one", "demo"],
    ] as const) {
      as(name === "c" || name === "d" ? "ada" : "operator");
      const labels = name === "a" ? ["urgent", " bug "] : [];
      ids[name] = await create(name, { repository, agent, labels });
    }
    as("operator");
    await finishTurn(ids["b"] ?? "");
    await finishTurn(ids["e"] ?? "", [], "failed");
    const { a = "", c = "" } = ids;
    assert.deepEqual(await task(c).setLabels(["bug", "api"]), ["api", "bug"]);
    await settled(c, "preparing", ["api", "bug"]);
    const names = (page: Awaited<ReturnType<OrganizationActions["listTasks"]>>) =>
      page.tasks.map(({ title }) => title).join("");
    const all = async (query: Parameters<OrganizationActions["listTasks"]>[0]) => {
      let cursor: string | undefined;
      const pages: string[] = [];
      do {
        const page = await list().listTasks({ ...query, ...(cursor === undefined ? {} : { cursor }) });
        pages.push(names(page));
        cursor = page.cursor;
      } while (cursor !== undefined);
      return pages.join(" ");
    };
    assert.equal(await all({ limit: 2 }), "ed cb a");
    assert.equal(await all({ limit: 2, group: "repository" }), "ec ad b");
    assert.equal(await all({ limit: 2, group: "agent" }), "ed ac b");
    assert.equal(await all({ limit: 2, group: "status" }), "ed ca b");
    assert.equal(await all({ limit: 2, group: "owner" }), "eb ad c");
    assert.equal(await all({ limit: 2, group: "label" }), "ed bc a");
    assert.equal(await all({ labels: ["bug"] }), "ca");
    assert.equal(await all({ labels: ["api", "urgent"], owners: ["ada"] }), "c");
    assert.equal((await all({ search: "urg" })) + (await all({ search: "ap" })), "ac");
    assert.equal(await all({ repositories: ["/one"], agents: ["demo"] }), "ea");
    assert.equal(await all({ statuses: ["idle", "failed"] }), "eb");
    assert.equal(await all({ unread: true }), "eb");
    assert.equal(await all({ owners: ["ada"] }), "dc");
    assert.equal(await all({ owners: ["ada"], repositories: ["/one"] }), "c");
    const counts = await list().countTasks({ repositories: ["/one"] });
    assert.deepEqual(counts, {
      ...{ total: 3, unread: 1, repositories: [{ value: "/one", count: 3 }] },
      ...{ agents: counted({ demo: 2, other: 1 }), statuses: counted({ preparing: 2, failed: 1 }) },
      owners: [{ value: "ada", count: 1, name: "ada" }],
      labels: counted({ bug: 2, api: 1, urgent: 1 }),
    });
    await task(a).setLabels(["later"]);
    await settled(a, "preparing", ["later"]);
    assert.equal((await all({ search: "urgent" })) + (await all({ search: "later" })), "a");
    await assert.rejects(task(a).setLabels(["a,b"]), code("invalid_input"));
    for (const query of [
      { group: "title" },
      { statuses: ["gone"] },
      { agents: "demo" },
      { owners: "ada" },
      { labels: [1] },
      { archived: 1 },
      { group: "agent", cursor: ids["a"] },
    ] as never[])
      await assert.rejects(list().listTasks(query), code("invalid_input"), JSON.stringify(query));
  });

  test("archives what is at rest, and a prompt restores it", async (t) => {
    const { create, finishTurn, list, task, settled, restart } = await open(t);
    const id = await create("Count");
    const busy = await create("Busy");
    await finishTurn(id);
    const outcomes = await list().archiveTasks([id, busy, "none"]);
    assert.deepEqual(
      outcomes.map(({ taskId, error }) => [taskId, error?.code]),
      [
        [id, undefined],
        [busy, "busy"],
        ["none", "not_found"],
      ],
    );
    await restart();
    assert.deepEqual(idsOf(await list().listTasks()), [busy]);
    const archived = await list().listTasks({ archived: true });
    assert.deepEqual([idsOf(archived), typeof archived.tasks[0]?.archivedAt], [[id], "number"]);
    await list().restoreTasks([id]);
    assert.deepEqual(idsOf(await list().listTasks()), [busy, id]);
    await list().archiveTasks([id]);
    await task(id).prompt("go on");
    await settled(id, "running");
    assert.equal((await list().countTasks({ archived: true })).total, 0);
    await assert.rejects(list().archiveTasks([]), code("invalid_input"));
  });

  test("knows what each person has read, and tells only their own windows", async (t) => {
    const { create, finishTurn, list, task, as, restart } = await open(t);
    const id = await create("Count");
    const unread = async () => (await list().countTasks()).unread;
    assert.equal(await unread(), 0);
    await finishTurn(id);
    as("ada");
    const ada = list().connect();
    const told: unknown[] = [];
    ada.on("seenChanged", (event) => told.push(event));
    await ada.ready;
    await ada.action({ name: "countTasks", args: [] });
    as("bob");
    const bob = list().connect();
    const toldBob: unknown[] = [];
    bob.on("seenChanged", (event) => toldBob.push(event));
    await bob.ready;
    await bob.action({ name: "countTasks", args: [] });
    as("ada");
    assert.equal(await unread(), 1);
    await list().markTasks([id, "none"], "read");
    await list().markTasks([id], "read");
    assert.equal(await unread(), 0);
    as("bob");
    assert.equal(await unread(), 1);
    await task(id).prompt("again");
    await finishTurn(id);
    as("ada");
    assert.equal(await unread(), 1);
    await list().markTasks([id], "read");
    await list().markTasks([id], "unread");
    const page = await list().listTasks();
    assert.deepEqual([await unread(), page.seen], [1, { [id]: -1 }]);
    // Answered after everything that was sent before.
    await ada.action({ name: "countTasks", args: [] });
    await bob.action({ name: "countTasks", args: [] });
    assert.deepEqual([told.length, toldBob.length], [3, 0]);
    await Promise.all([ada.dispose(), bob.dispose()]);
    await restart();
    assert.equal(await unread(), 1);
    await assert.rejects(list().markTasks([id], "seen" as never), code("invalid_input"));
  });

  test("keeps the views of each person, in order, and tells their own connections", async (t) => {
    const { list, as, restart } = await open(t);
    as("ada");
    const ada = list().connect();
    const told: unknown[] = [];
    ada.on("viewsChanged", ({ views }: { views: readonly unknown[] }) => told.push(views.length));
    await ada.ready;
    await list().saveView({ id: "v1", name: " Mine ", kind: "board", filter: { agents: ["demo"] } });
    await list().saveView({ id: "v2", name: "Failed", kind: "list", filter: {}, group: "agent" });
    await list().saveView({ id: "v1", name: "Ours", kind: "list", filter: { search: "x" } });
    const none = { archived: false, unread: false };
    const saved = [
      { id: "v1", name: "Ours", kind: "list", filter: { search: "x", ...none } },
      { id: "v2", name: "Failed", kind: "list", filter: none, group: "agent" },
    ];
    assert.deepEqual(await list().listViews(), saved);
    await ada.action({ name: "countTasks", args: [] });
    assert.deepEqual(told, [1, 2, 2]);
    as("bob");
    assert.deepEqual(await list().listViews(), []);
    await list().deleteView("v1");
    as("ada");
    await ada.dispose();
    await restart();
    assert.deepEqual(await list().listViews(), saved);
    await list().deleteView("v1");
    await list().deleteView("v1");
    assert.deepEqual(await list().listViews(), saved.slice(1));
  });

  test("refuses a view that is none, is too large, or is one too many", async (t) => {
    const { list } = await open(t);
    const view = { id: "v", name: "n", kind: "list", filter: {} } as const;
    for (const wrong of [
      undefined,
      { ...view, id: "" },
      { ...view, id: "x".repeat(101) },
      { ...view, name: "  " },
      { ...view, name: "x".repeat(studioLimits.maxViewNameCharacters + 1) },
      { ...view, kind: "table" },
      { ...view, filter: { statuses: ["done"] } },
      { ...view, group: "title" },
      { ...view, filter: { repositories: ["a", "b", "c"].map((each) => each.repeat(4_000)) } },
    ])
      await assert.rejects(list().saveView(wrong as never), code("invalid_input"));
    await assert.rejects(list().deleteView(1 as never), code("invalid_input"));
    assert.deepEqual(await list().listViews(), []);
    const most = Array.from({ length: studioLimits.maxSavedViews }, (_, index) => ({
      ...view,
      id: `v${index}`,
      name: "x".repeat(studioLimits.maxViewNameCharacters),
    }));
    for (const each of most) await list().saveView(each);
    await assert.rejects(list().saveView(view), code("too_many_views"));
    await list().saveView({ ...view, id: "v3" });
  });

  test("deletes a task with its session and files, and says what that freed", async (t) => {
    const { create, finishTurn, list, task, session, audited, filesOf, restart } = await open(t);
    const id = await create("Count the secret words");
    const other = await create("Other");
    await assert.rejects(list().deleteTask(id), code("busy"));
    const { sessionId } = await finishTurn(id, ["said"]);
    mkdirSync(filesOf(id), { recursive: true });
    writeFileSync(join(filesOf(id), "big"), "x".repeat(100_000));
    const storage = await list().taskStorage(id);
    assert.ok(storage.filesBytes >= 100_000 && storage.transcriptBytes > 100 && storage.isComplete);
    assert.deepEqual(await list().deleteTask(id), storage);
    await restart();
    const gone = (error: unknown) => isErrorCode(error, "actor", "not_found");
    await assert.rejects(task(id).get(), gone);
    await assert.rejects(session(sessionId).action({ name: "events", args: [{ after: 0 }] }), gone);
    assert.equal((await directorySize(filesOf(id), 10)).bytes, 0);
    assert.deepEqual(idsOf(await list().listTasks()), [other]);
    assert.deepEqual((await list().listTasks({ search: "secret" })).tasks, []);
    assert.deepEqual(
      audited.map(({ type, session }) => [type, session]),
      [["task.deleted", id]],
    );
    for (const action of [list().deleteTask(id), list().taskStorage(id)])
      await assert.rejects(action, code("not_found"));
  });

  test("a deletion that fails can be repeated", async (t) => {
    let attempts = 0;
    const { create, finishTurn, list } = await open(t, {
      onRemoveFiles: async () => {
        attempts += 1;
        if (attempts === 1) throw new Error("no permission");
      },
    });
    const id = await create("Count");
    await finishTurn(id);
    await assert.rejects(list().deleteTask(id), code("delete_failed"));
    assert.deepEqual(idsOf(await list().listTasks()), [id]);
    await list().deleteTask(id);
    assert.deepEqual(idsOf(await list().listTasks()), []);
  });

  test("a deletion that a crash interrupts is completed by the next start", async (t) => {
    const held = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const { create, finishTurn, list, task, crash } = await open(t, {
      onRemoveFiles: async () => {
        reached.resolve();
        await held.promise;
      },
    });
    const id = await create("Count");
    await finishTurn(id);
    const deleted = list().deleteTask(id);
    await reached.promise;
    assert.deepEqual(idsOf(await list().listTasks()), []);
    await assert.rejects(task(id).prompt("go on"), code("not_found"));
    await assert.rejects(list().deleteTask(id), code("not_found"));
    const push = { taskId: id, after: 0, seq: 9, pieces: [] };
    assert.equal(await list().action({ name: "internal.addText", args: [push] }), noTask);
    crash();
    held.resolve();
    await deleted;
    assert.deepEqual(idsOf(await list().listTasks()), []);
    await task(id).get();
    assert.deepEqual(await list().action({ name: "internal.recover", args: [] }), []);
    await assert.rejects(task(id).get(), (error: unknown) => isErrorCode(error, "actor", "not_found"));
  });

  test("takes the list of an earlier version with it", async (t) => {
    const { list, restart } = await open(t);
    const row = (id: string, active: boolean) => ({
      summary: {
        ...{ id, title: `Task ${id}`, repository: "/r", agent: "demo", status: "idle" },
        ...{ createdAt: 1, updatedAt: 2, unsafe: false },
      },
      ...{ revision: 3, wake: 1, active },
    });
    const earlier = actor({
      createState: () => ({ version: 1, tasks: 2 }),
      actions: {
        fill: async (c) => {
          for (const [id, active] of [
            ["t1", false],
            ["t2", true],
          ] as const) {
            await c.kv.put(`task/${id}`, JSON.stringify(row(id, active)));
            if (active) await c.kv.put(`active/${id}`, "1");
          }
        },
      },
    });
    await restart({ organization: earlier });
    await list().action({ name: "fill", args: [] });
    await restart();
    assert.deepEqual(idsOf(await list().listTasks()), ["t2", "t1"]);
    assert.deepEqual(idsOf(await list().listTasks({ search: "task" })), ["t2", "t1"]);
    assert.equal((await list().countTasks()).unread, 0);
    assert.deepEqual(await list().action({ name: "internal.recover", args: [] }), ["t2"]);
    await restart();
    assert.deepEqual(idsOf(await list().listTasks()), ["t2", "t1"]);
  });
});

import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { actor } from "@holdfast/actors";
import { isErrorCode, systemPorts, uuidv4 } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { removeAtExit } from "@holdfast/testing/scratch";
import type { ReviewChange, ReviewCommentInput, TaskActions } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import type { BackendHost } from "../host.ts";
import { createTaskActor } from "../task.ts";
import type { TaskWork } from "../turns/work.ts";
import { LocalValueTokens } from "../value-tokens.ts";

type Task = Pick<
  TaskActions,
  "get" | "review" | "markViewed" | "saveComment" | "deleteComment" | "sendReview" | "stop"
>;

/** One task's actor on a real store, without a runner, and a stand-in for the index that `onWake` may hold up. */
async function openTask(t: TestContext, onWake: () => Promise<void> = async () => {}) {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-review-"));
  removeAtExit(folder);
  const ports = systemPorts();
  const valueTokens = new LocalValueTokens(() => uuidv4(ports.random));
  const host = {
    ...{ ports, valueTokens, unsafe: false, runsWithActor: false, place: { id: "here" } },
    ...{
      runs: () => false,
      stop: async () => {},
      personOf: async () => ({ id: "operator", isOperator: true }),
    },
  } as unknown as BackendHost;
  const organization = actor({
    state: {},
    actions: {
      internal: {
        wake: async () => {
          await onWake();
          return 1;
        },
        taskChanged: () => {},
      },
    },
  });
  const start = () =>
    createRegistry({
      use: { task: createTaskActor(host), organization },
      store: () => openSqliteStore({ path: join(folder, "actors"), ports }),
      ports,
    });
  let registry = start();
  t.after(() => registry.shutdown());
  const input = {
    ...{ taskId: "t", sessionId: "s", title: "x", repository: "/r", agent: "demo", prompt: "do it" },
    ...{ unsafe: false, createdAt: 1 },
  };
  await registry.client.organization.getOrCreate(["local"]).resolve();
  const created = { createWithInput: { token: valueTokens.put(input) } };
  await registry.client.task.getOrCreate(["t"], created).resolve();
  const handle = () => registry.client.task.get(["t"]);
  return {
    task: (): Task => handle() as unknown as Task,
    connect: () => handle().connect(),
    /** Takes the next prompt and ends its turn; returns its text. */
    async finishTurn(): Promise<string | undefined> {
      const work = await handle().action<TaskWork | null>({ name: "internal.next", args: [] });
      if (work === null) return undefined;
      const report = { type: "turn-ended", promptId: work.prompt.id };
      await handle().action({ name: "internal.report", args: [report] });
      return work.prompt.text;
    },
    async restart(): Promise<void> {
      await registry.shutdown();
      registry = start();
    },
  };
}

function id(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
}

function comment(number: number, more: Partial<ReviewCommentInput> = {}): ReviewCommentInput {
  return {
    ...{ id: id(number), path: "src/a.ts", side: "new", startLine: number, endLine: number },
    ...{ quote: `line ${number}`, contentId: "c1", text: `Change ${number}`, ...more },
  } as ReviewCommentInput;
}

function code(name: string, group = "review") {
  return (error: unknown) => isErrorCode(error, group, name);
}

describe("the review of a task", () => {
  test("outlives the server: marks of viewed files, drafts and what was sent", async (t) => {
    const { task, restart, finishTurn } = await openTask(t);
    await finishTurn();
    const long = `${"folder/".repeat(500)}a.ts`;
    await task().markViewed([
      { path: "a", contentId: "1" },
      { path: long, contentId: "2" },
      { path: "b", contentId: "3" },
    ]);
    await task().markViewed([{ path: "b" }, { path: "a", contentId: "4" }]);
    await task().saveComment(comment(2));
    await task().saveComment(comment(1));
    await task().saveComment(comment(2, { text: "Change it more" }));
    await task().sendReview([id(1)]);
    const before = await task().review();
    await restart();
    const after = await task().review();
    assert.deepEqual(
      { ...after, viewed: new Set(after.viewed.map((mark) => JSON.stringify(mark))) },
      { ...before, viewed: new Set(before.viewed.map((mark) => JSON.stringify(mark))) },
    );
    assert.deepEqual(Object.fromEntries(after.viewed.map(({ path, contentId }) => [path, contentId])), {
      a: "4",
      [long]: "2",
    });
    assert.deepEqual(
      after.comments.map(({ id, text, sentAt }) => [id, text, sentAt !== undefined]),
      [
        [id(2), "Change it more", false],
        [id(1), "Change 1", true],
      ],
    );
    assert.equal(after.revision, 6);
  });

  test("is sent as one prompt, once", async (t) => {
    const { task, finishTurn } = await openTask(t);
    await finishTurn();
    await task().saveComment(comment(7, { startLine: 7, endLine: 8, quote: "seven\neight" }));
    await task().saveComment(comment(3, { side: "old" }));
    await task().sendReview([id(3), id(7)]);
    await task().sendReview([id(3), id(7)]);
    const prompt = await finishTurn();
    assert.equal(
      prompt,
      [
        "I reviewed your changes and have 2 comments. Address each of them.",
        "## 1. `src/a.ts`, line 3 before your changes",
        "```\nline 3\n```",
        "Change 3",
        "## 2. `src/a.ts`, lines 7 to 8",
        "```\nseven\neight\n```",
        "Change 7",
      ].join("\n\n"),
    );
    assert.equal(await finishTurn(), undefined);
    await assert.rejects(task().saveComment(comment(3)), code("comment_sent"));
    await task().deleteComment(id(3));
    await task().deleteComment(id(3));
    assert.deepEqual(
      (await task().review()).comments.map((each) => each.id),
      [id(7)],
    );
  });

  test("sends nothing if a comment changes while it is sent, or the prompt is refused", async (t) => {
    const reached = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const { task, finishTurn } = await openTask(t, () => {
      reached.resolve();
      return held.promise;
    });
    await finishTurn();
    await task().saveComment(comment(1));
    await assert.rejects(task().sendReview([id(1), id(2)]), code("comment_not_found"));
    await assert.rejects(task().sendReview([]), code("invalid_input", "task"));
    const sent = task().sendReview([id(1)]);
    const refused = assert.rejects(sent, code("changed"));
    await reached.promise;
    await task().saveComment(comment(1, { text: "Changed meanwhile" }));
    held.resolve();
    await refused;
    const many = Array.from({ length: 9 }, (_, index) =>
      comment(index + 10, { text: "x".repeat(studioLimits.maxCommentBytes) }),
    );
    for (const each of many) await task().saveComment(each);
    const all = (await task().review()).comments;
    await assert.rejects(task().sendReview(all.map((each) => each.id)), code("prompt_too_long", "task"));
    assert.ok((await task().review()).comments.every(({ sentAt }) => sentAt === undefined));
    assert.equal(await finishTurn(), undefined);
  });

  test("tells the other windows each change, without a gap in its revisions", async (t) => {
    const { task, connect } = await openTask(t);
    const connection = connect();
    const changes: ReviewChange[] = [];
    const complete = Promise.withResolvers<void>();
    connection.on("reviewChanged", (change) => {
      changes.push(change as ReviewChange);
      if (changes.length === 4) complete.resolve();
    });
    await connection.ready;
    await connection.action({ name: "review", args: [] });
    await task().markViewed([{ path: "a", contentId: "1" }]);
    await task().markViewed([{ path: "a" }]);
    const saved = await task().saveComment(comment(1));
    await task().deleteComment(id(1));
    await complete.promise;
    await connection.dispose();
    assert.deepEqual(changes, [
      { revision: 1, viewed: [{ path: "a", contentId: "1" }] },
      { revision: 2, unviewed: ["a"] },
      { revision: 3, comments: [saved] },
      { revision: 4, deleted: [id(1)] },
    ]);
  });

  test("refuses what is no comment and no mark, and changes nothing", async (t) => {
    const { task } = await openTask(t);
    const bad: Partial<Record<keyof ReviewCommentInput, unknown>>[] = [
      { id: "../x" },
      { text: " " },
      { text: "x".repeat(studioLimits.maxCommentBytes + 1) },
      { quote: "x".repeat(studioLimits.maxQuoteBytes + 1) },
      { side: "left" },
      { startLine: 0 },
      { startLine: 3, endLine: 2 },
      { path: "" },
      { contentId: "x".repeat(101) },
    ];
    for (const each of bad) {
      const input = { ...comment(1), ...each } as ReviewCommentInput;
      await assert.rejects(task().saveComment(input), code("invalid_input", "task"), JSON.stringify(each));
    }
    const mark = { path: "a", contentId: "1" };
    const most = Array.from({ length: studioLimits.maxMarksPerCall + 1 }, () => mark);
    for (const marks of [[], most, [{ path: 1 }]] as never[]) {
      await assert.rejects(task().markViewed(marks), code("invalid_input", "task"));
    }
    assert.deepEqual(await task().review(), { viewed: [], comments: [], reverts: [], revision: 0 });
  });

  test("fits into one answer at its limits: old marks are dropped, further comments refused", async (t) => {
    const { task } = await openTask(t);
    const mark = (index: number) => ({ path: `${index}/`.padEnd(4_000, "x"), contentId: "c" });
    const total = Math.ceil(studioLimits.maxViewedBytes / 4_000);
    for (let from = 0; from < total + 5; from += 10) {
      await task().markViewed(Array.from({ length: 10 }, (_, index) => mark(from + index)));
    }
    const paths = new Set((await task().review()).viewed.map(({ path }) => path));
    assert.ok(paths.size < total && paths.size > total - 10, `${paths.size} of ${total}`);
    assert.equal(paths.has(mark(0).path), false);
    const large = {
      text: "x".repeat(studioLimits.maxCommentBytes),
      quote: "y".repeat(studioLimits.maxQuoteBytes),
    };
    let saved = 0;
    const fill = async () => {
      for (; saved < 100; saved += 1) await task().saveComment(comment(saved + 1, large));
    };
    await assert.rejects(fill(), code("too_large"));
    assert.equal((await task().review()).comments.length, saved);
    await task().deleteComment(id(1));
    await task().saveComment(comment(1, large));
  });
});

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { describe, test } from "node:test";
import { systemPorts } from "@holdfast/core";
import type { ForgeEvent } from "../../forges/webhooks/event.ts";
import { studioLimits } from "../../limits.ts";
import type { ForgeSource } from "../repositories/contract.ts";
import { type RowDatabase, repositorySchema } from "../repositories/rows.ts";
import { newRepositoryState } from "../repositories/state.ts";
import { RepositorySync } from "../repositories/sync.ts";
import { labelSchema } from "./labels.ts";
import { matches, mentionsOf } from "./match.ts";
import { commentMark } from "./read-event.ts";
import { type TriggerContext, Triggers, triggerSchema } from "./triggers.ts";

const source: ForgeSource = {
  kind: "forge",
  forge: "github",
  apiUrl: "https://forge.example",
  fullName: "team/app",
  credential: { kind: "token", secret: "token" },
};

/** A repository with one schedule, and the calls that were made. */
function createContext(canWrite: readonly string[], forgeKind: ForgeSource["forge"] = "github") {
  const sqlite = new DatabaseSync(":memory:");
  sqlite.exec(`${repositorySchema} ${triggerSchema} ${labelSchema}`);
  const execute: RowDatabase["execute"] = async (sql, ...values) =>
    sqlite.prepare(sql).all(...values) as Record<string, unknown>[];
  const db: RowDatabase = { execute, transaction: (run) => run({ execute }) };
  const calls: { name: string; args: readonly unknown[] }[] = [];
  const comments: string[] = [];
  /** Thrown by the next comment, after the forge has it. */
  let failure: Error | undefined;
  const action = async (call: { name: string; args: readonly unknown[] }) => {
    if (call.name === "internal.matching") return ["schedule"];
    calls.push(call);
    return { taskId: `task-${calls.length}` };
  };
  const state = newRepositoryState({
    id: "r",
    organization: "local",
    source: { ...source, forge: forgeKind },
  });
  const c = {
    vars: { triggerTail: Promise.resolve() },
    ...{ state, db, abortSignal: new AbortController().signal, log: { warn: () => {} } },
    schedule: { after: async () => "" },
    saveState: async () => {},
    client: () => ({ getOrCreate: () => ({ action }) }),
  } as unknown as TriggerContext;
  const addComment = async (_name: string, _number: number, body: string) => {
    comments.push(body);
    if (failure !== undefined) throw failure;
  };
  const forge = {
    mayWrite: async (_name: string, login: string) => canWrite.includes(login),
    ...{ addComment, addIssueComment: addComment },
  };
  const triggers = new Triggers({ ports: systemPorts(), forges: { open: async () => forge } } as never);
  const deliver = async (event: ForgeEvent, deliveryId: string) => {
    await triggers.onEvent(c, { deliveryId, event });
    await triggers.run(c);
  };
  const failCommentsWith = (error: Error | undefined) => {
    failure = error;
  };
  return { c, calls, comments, deliver, failCommentsWith, sqlite, triggers };
}

/** An issue of Gitea with these labels, which somebody has changed. */
const issue = (labels: readonly string[], sender: string, updatedAt: number, isNew = false): ForgeEvent => ({
  ...{ kind: "issue", repository: "team/app", sender },
  change: isNew ? { type: "opened" } : { type: "labelled", added: undefined },
  issue: {
    ...{ number: 4, title: "Broken", body: "", state: "open", author: "eve", labels, updatedAt },
    webUrl: "https://forge.example/4",
  },
});

const comment = (body: string, author: string, id = "1"): ForgeEvent => ({
  ...{ kind: "comment", repository: "team/app", number: 4, isOnPullRequest: false, action: "created" },
  comment: { id, body, author, createdAt: 0, webUrl: "https://forge.example/4" },
});

test("names are mentioned as words, and addresses, packages and paths are none", () => {
  assert.deepEqual(mentionsOf("@Holdfast, look (@ada) and\n@bob-2."), ["holdfast", "ada", "bob-2"]);
  assert.deepEqual(mentionsOf("ada@example.com @scope/package `@code` https://host/@user a.@b"), []);
  assert.equal(
    matches({ type: "mentioned", name: "Holdfast" }, { type: "mentioned", mentions: ["holdfast"] }),
    true,
  );
  assert.equal(matches({ type: "labelled", label: "agent" }, { type: "labelled", labels: ["bug"] }), false);
  assert.equal(matches(undefined, { type: "checks-failed" }), false);
});

describe("an event of a forge", () => {
  test("starts one task, of people who may write alone, and is answered once", async () => {
    const { calls, comments, deliver } = createContext(["ada"]);
    await deliver(comment("@holdfast mend it", "eve", "1"), "one");
    assert.equal(calls.length, 0);
    for (const delivery of ["two", "again"])
      await deliver(comment("@holdfast mend it", "ada", "2"), delivery);
    assert.equal(calls.length, 1);
    assert.match(JSON.stringify(calls[0]?.args), /> @holdfast mend it/);
    assert.equal(comments.length, 1);
    assert.ok(comments[0]?.includes(commentMark));
    // What the Studio has written itself.
    await deliver(comment(`@holdfast ${commentMark}`, "ada", "3"), "three");
    assert.equal(calls.length, 1);
  });

  test("what tasks publish starts nothing, and checks count once for a commit", async () => {
    const { calls, deliver, sqlite } = createContext(["ada"]);
    const check = { id: "1", name: "test", status: "failure", webUrl: undefined } as const;
    const failed = (commit: string, name: string): ForgeEvent => ({
      ...{ kind: "check", repository: "team/app", commit, check: { ...check, name } },
    });
    const insert = "INSERT INTO branch (name, commit_id, is_protected, page, seen) VALUES (?, ?, 0, 1, 1)";
    for (const row of [
      ["holdfast/own", "a1"],
      ["main", "b2"],
    ] as const)
      sqlite.prepare(insert).run(...row);
    await deliver(failed("a1", "test"), "one");
    await deliver(failed("c3", "test"), "two");
    assert.equal(calls.length, 0);
    await deliver(failed("b2", "test"), "three");
    await deliver(failed("b2", "lint"), "four");
    assert.equal(calls.length, 1);
    assert.match(JSON.stringify(calls[0]?.args), /"branch":"main"/);
  });

  test("is answered once, also if the process ends after the comment", async () => {
    const { c, calls, comments, deliver, failCommentsWith, triggers } = createContext(["ada"]);
    failCommentsWith(new Error("the process ends"));
    await assert.rejects(deliver(comment("@holdfast go", "ada"), "one"), /the process ends/);
    failCommentsWith(undefined);
    await triggers.run(c);
    assert.deepEqual([calls.length, comments.length], [1, 1]);
  });

  test("is not lost if the process ends before the id of its delivery is kept", async () => {
    const { c, calls, comments, triggers } = createContext(["ada"]);
    const sync = new RepositorySync({ now: () => 1, open: async () => assert.fail() });
    const delivery = { deliveryId: "one", event: comment("@holdfast go", "ada") };
    const deliver = async (end: () => void) =>
      sync.deliverOnce(c as never, delivery, async () => {
        await triggers.onEvent(c, delivery);
        end();
      });
    const fail = () => {
      throw new Error("the process ends");
    };
    await assert.rejects(deliver(fail), /the process ends/);
    await triggers.run(c);
    // The forge delivers it again, and once more.
    assert.equal(await deliver(() => {}), true);
    assert.equal(await deliver(fail), false);
    await triggers.run(c);
    assert.deepEqual([calls.length, comments.length], [1, 1]);
  });

  test("of Gitea starts nothing for a label that somebody else has set", async () => {
    const { calls, deliver } = createContext(["ada"], "gitea");
    await deliver(issue(["bug"], "eve", 1, true), "opened");
    await deliver(issue(["bug", "agent"], "eve", 2), "refused");
    await deliver(issue(["bug", "agent", "later"], "ada", 3), "next");
    const labels = () => calls.map(({ args }) => /label\/[^"]+/.exec(JSON.stringify(args))?.[0]);
    assert.deepEqual(labels(), ["label/next/later"]);
    // An older one that is late says nothing, and a label that was taken away counts again.
    await deliver(issue(["old"], "ada", 2), "late");
    await deliver(issue(["later"], "ada", 4), "taken");
    await deliver(issue(["later", "agent"], "ada", 4), "set");
    assert.deepEqual(labels(), ["label/next/later", "label/set/agent"]);
    // The task has all labels of the issue.
    assert.match(JSON.stringify(calls.at(-1)?.args), /"labels":\["agent","later"\]/);
  });

  test("that is delivered again adds its labels once", async () => {
    const { c, calls, deliver, triggers } = createContext(["ada"], "gitea");
    const event = issue(["agent"], "ada", 1, true);
    // The process ends before they are looked at.
    await triggers.onEvent(c, { deliveryId: "one", event });
    await deliver(event, "one");
    assert.equal(calls.length, 1);
  });

  test("quotes every line of a text", async () => {
    const { calls, deliver } = createContext(["ada"]);
    await deliver(comment("@holdfast a\rb\u2028c\r\nd", "ada"), "one");
    assert.match(JSON.stringify(calls[0]?.args), /> @holdfast a\\n> b\\n> c\\n> d"/);
  });

  test("beyond the limit of an hour is left out, and says so", async () => {
    const { calls, deliver } = createContext(["ada"]);
    const max = studioLimits.maxEventTasksPerHour;
    for (let n = 1; n <= max + 1; n++) await deliver(comment("@holdfast go", "ada", String(n)), `d${n}`);
    const started = calls.filter(({ name }) => name === "internal.occurred");
    const leftOut = calls.filter(({ name }) => name === "internal.leftOut");
    assert.deepEqual([started.length, leftOut.length], [max, 1]);
    assert.match(JSON.stringify(leftOut[0]?.args), /too_many_events/);
  });
});

/** Inboxes of people: what tasks report reaches each of them once, and what they do with it. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { setupTest } from "@holdfast/test-kit";
import type { InboxPatch } from "../../src/contract.ts";
import { studioLimits } from "../../src/limits.ts";
import { Inboxes, inboxActors, question } from "./inbox-support.ts";

async function open(t: TestContext) {
  const world = { person: "ada", now: () => 0 };
  const { actors, valueTokens } = inboxActors(world);
  const store = (): never => {
    throw new Error("a test has its own store");
  };
  const kit = await setupTest(t, createRegistry({ use: actors, store }), { paused: true });
  world.now = () => kit.clock.now();
  const inboxes = new Inboxes(kit.client, valueTokens);
  return { kit, world, inboxes, settle: () => kit.clock.settle() };
}

const invalid = (error: unknown) => isErrorCode(error, "inbox", "invalid_input");
const hour = 60 * 60_000;

describe("the news of a task", () => {
  test("are one entry, which each end of a turn brings back as unread, and further work only bumps", async (t) => {
    const { kit, inboxes, settle } = await open(t);
    await inboxes.create("t", { createdBy: "ada" });
    await inboxes.finish("t");
    await settle();
    assert.deepEqual(await inboxes.texts("ada"), ["*finished t"]);
    const [first] = (await inboxes.inbox("ada").list()).entries;
    await inboxes.inbox("ada").mark(["t"], "read");
    await kit.clock.advance("1m");

    await inboxes.task("t").prompt("go on");
    await settle();
    assert.deepEqual(await inboxes.texts("ada"), ["finished t (working)"]);
    const [bumped] = (await inboxes.inbox("ada").list()).entries;
    assert.equal(bumped?.notifiedAt, first?.notifiedAt);
    assert.ok((bumped?.bumpedAt ?? 0) > (first?.bumpedAt ?? 0));

    await inboxes.inbox("ada").done(["t"]);
    assert.deepEqual(await inboxes.texts("ada"), []);
    await inboxes.finish("t", "failed");
    await settle();
    assert.deepEqual(await inboxes.texts("ada"), ["*failed t: It ended"]);
    assert.deepEqual(await inboxes.texts("ada", "done"), []);
  });

  test("reach who has sent it prompts; those of a group's task reach everybody with an inbox", async (t) => {
    const { world, inboxes, settle } = await open(t);
    await inboxes.inbox("ada").list();
    await inboxes.create("hers", { createdBy: "ada" });
    await inboxes.finish("hers");
    await inboxes.create("group", { group: "g" });
    await inboxes.finish("group");
    await settle();
    assert.deepEqual((await inboxes.texts("ada")).toSorted(), ["*finished group", "*finished hers"]);
    assert.deepEqual(await inboxes.texts("operator"), ["*finished group"]);
    assert.deepEqual(await inboxes.texts("ben"), []);
    world.person = "ben";
    await inboxes.task("hers").prompt("and this");
    await inboxes.finish("hers");
    await settle();
    assert.deepEqual(await inboxes.texts("ben"), ["*finished hers"]);
  });

  test("of a deleted task leave every inbox", async (t) => {
    const { inboxes, settle } = await open(t);
    await inboxes.create("t", { createdBy: "ada" });
    await inboxes.finish("t");
    await inboxes.ask("t", "q");
    await settle();
    assert.deepEqual(await inboxes.texts("ada"), ["*asks t: Question q", "*finished t"]);
    await inboxes.erase("t");
    await settle();
    assert.deepEqual(await inboxes.texts("ada"), []);
    assert.equal((await inboxes.attention.approvals()).total, 0);
  });

  test("survive crashes: each counts once, whatever was under way", async (t) => {
    const { kit, inboxes } = await open(t);
    await inboxes.create("t", { createdBy: "ada" });
    await inboxes.next("t");
    for (let n = 0; n < 12; n++) {
      await inboxes.ask("t", `q${n}`);
      await kit.crash();
      if (n % 3 === 0) await kit.clock.advance("1m");
    }
    await kit.clock.advance("1m");
    const { entries, revision } = await inboxes.inbox("ada").list();
    assert.equal(entries.length, 12);
    assert.equal(revision, 12);
    assert.equal((await inboxes.attention.approvals()).revision, 12);
  });

  test("wait for a server that was down for a day, and then count once", async (t) => {
    const { kit, inboxes, settle } = await open(t);
    await inboxes.create("t", { createdBy: "ada" });
    await inboxes.finish("t");
    await inboxes.inbox("ada").snooze(["t"], kit.clock.now() + hour);
    await inboxes.task("t").prompt("go on");
    await inboxes.next("t");
    await inboxes.ask("t", "q");
    await kit.crash();
    await kit.clock.advance("24h");
    await settle();
    assert.deepEqual((await inboxes.texts("ada")).toSorted(), [
      "*asks t: Question q",
      "*finished t (working)",
    ]);
  });
});

describe("the question whether code of a fork gets secrets", () => {
  const pull = {
    ...{ number: 7, title: "Count", webUrl: "u", repository: "eve/app", branch: "main", baseBranch: "main" },
    ...{ ref: "refs/pull/7/head", mayEdit: false },
  };

  test("is one entry of a task that waits, and goes with its answer, or when the task is stopped", async (t) => {
    const { inboxes, settle } = await open(t);
    const error = { group: "environment", code: "secrets_not_allowed", message: "Read its changes" };
    const ask = async (id: string) => {
      await inboxes.create(id, { createdBy: "ada", connected: { id: "r", pull } });
      const { prompt } = await inboxes.next(id);
      await inboxes.report(id, { type: "failed", promptId: prompt.id, error });
      await settle();
    };
    await ask("t");
    assert.equal((await inboxes.task("t").get()).status, "waiting");
    assert.deepEqual(await inboxes.texts("ada"), ["*asks t: Read its changes"]);
    await inboxes.task("t").decideSecrets(false);
    await settle();
    assert.deepEqual(await inboxes.texts("ada"), []);
    await inboxes.finish("t");
    await settle();
    assert.deepEqual(await inboxes.texts("ada"), ["*finished t"]);

    await ask("other");
    await inboxes.task("other").stop();
    await settle();
    assert.equal((await inboxes.task("other").get()).status, "stopped");
    assert.deepEqual(await inboxes.texts("ada"), ["*finished t"]);
    // The next prompt meets the question again.
    await inboxes.task("other").prompt("again");
    const { prompt } = await inboxes.next("other");
    await inboxes.report("other", { type: "failed", promptId: prompt.id, error });
    await settle();
    assert.deepEqual((await inboxes.texts("ada")).toSorted(), [
      "*asks other: Read its changes",
      "*finished t",
    ]);
  });
});

describe("an approval", () => {
  test("that was answered leaves the inbox of everybody, and the second person learns who answered", async (t) => {
    const { world, inboxes, settle } = await open(t);
    await inboxes.create("t", { createdBy: "ada" });
    await inboxes.next("t");
    world.person = "ben";
    await inboxes.task("t").prompt("and this");
    await inboxes.ask("t", "q1");
    await inboxes.ask("t", "q2");
    await settle();
    const queue = await inboxes.attention.approvals();
    assert.deepEqual(queue.approvals[0], {
      task: { id: "t", title: "Task t", repository: "/r", agent: "demo" },
      approval: question("q1"),
    });
    assert.deepEqual(await inboxes.texts("ada"), await inboxes.texts("ben"));
    await inboxes.task("t").answer("q1", "yes");
    await settle();
    for (const person of ["ada", "ben"])
      assert.deepEqual(await inboxes.texts(person), ["*asks t: Question q2"], person);
    assert.deepEqual(
      (await inboxes.attention.approvals()).approvals.map(({ approval }) => approval.id),
      ["q2"],
    );
    world.person = "ada";
    await assert.rejects(
      inboxes.task("t").answer("q1", "no"),
      (error) =>
        isErrorCode(error, "approval", "already_settled") &&
        error.message === "BEN has already answered this question: Allow",
    );
  });
});

describe("an entry", () => {
  test("that is snoozed comes back once, unread, at its time", async (t) => {
    const { kit, inboxes, settle } = await open(t);
    await inboxes.create("t", { createdBy: "ada" });
    await inboxes.finish("t");
    await settle();
    const until = kit.clock.now() + 2 * hour;
    await inboxes.inbox("ada").snooze(["t"], until);
    assert.deepEqual(await inboxes.texts("ada"), []);
    assert.deepEqual(await inboxes.texts("ada", "snoozed"), ["finished t"]);
    await kit.clock.advance("1h");
    assert.deepEqual(await inboxes.texts("ada"), []);
    await kit.clock.advance("1h");
    assert.deepEqual(await inboxes.texts("ada"), ["*finished t"]);
    const { revision, entries, counts } = await inboxes.inbox("ada").list();
    assert.deepEqual(counts, { open: 1, unread: 1, snoozed: 0 });
    assert.equal(entries[0]?.notifiedAt, until);
    await kit.clock.advance("24h");
    assert.equal((await inboxes.inbox("ada").list()).revision, revision);
  });

  test("is marked, done and taken back; each change is one patch, and what changes nothing is none", async (t) => {
    const { kit, inboxes, settle } = await open(t);
    await inboxes.create("t", { createdBy: "ada" });
    await inboxes.finish("t");
    await settle();
    const conn = kit.client.inbox.getOrCreate(["ada"]).connect();
    const patches: InboxPatch[] = [];
    conn.on("changed", (patch) => patches.push(patch));
    await conn.ready;
    const inbox = inboxes.inbox("ada");
    await inbox.mark(["t", "unknown"], "read");
    await inbox.mark(["t"], "read");
    await inbox.done(["t"]);
    await inbox.done(["t"]);
    await inbox.done(["t"], false);
    await inbox.mark(["t"], "unread");
    await settle();
    assert.deepEqual(
      patches.map(({ revision, counts: { open, unread } }) => [revision, open, unread]),
      [
        [2, 1, 0],
        [3, 0, 0],
        [4, 1, 0],
        [5, 1, 1],
      ],
    );
    await conn.dispose();
  });

  test("is on one of the pages, the latest first", async (t) => {
    const { kit, inboxes, settle } = await open(t);
    for (const id of ["a", "b", "c", "d", "e"]) {
      await inboxes.create(id, { createdBy: "ada" });
      await inboxes.finish(id);
      // The first two end in the same millisecond.
      if (id !== "a") await kit.clock.advance(1);
    }
    await settle();
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await inboxes.inbox("ada").list({ limit: 2, ...(cursor === undefined ? {} : { cursor }) });
      found.push(...page.entries.map(({ id }) => id));
      cursor = page.cursor;
    } while (cursor !== undefined);
    assert.deepEqual(found, ["e", "d", "c", "b", "a"]);
  });

  test("is refused with bad input, which changes nothing", async (t) => {
    const { kit, inboxes } = await open(t);
    const inbox = inboxes.inbox("ada");
    const ids = (count: number) => Array.from({ length: count }, (_, n) => `id${n}`);
    const max = studioLimits.maxInboxIdsPerCall;
    const now = kit.clock.now();
    for (const work of [
      () => inbox.done([]),
      () => inbox.done(ids(max + 1)),
      () => inbox.done([1] as never),
      () => inbox.done(["t"], "yes" as never),
      () => inbox.mark(["t"], "seen" as never),
      () => inbox.snooze(["t"], now),
      () => inbox.snooze(["t"], now + studioLimits.maxSnoozeMs + 60_000),
      () => inbox.snooze(["t"], "tomorrow" as never),
      () => inbox.list({ view: "all" as never }),
      () => inbox.list({ limit: 0 }),
      () => inbox.list({ limit: studioLimits.maxInboxPage + 1 }),
      () => inbox.list({ cursor: "x" }),
      () => inbox.list("open" as never),
    ])
      await assert.rejects(work, invalid, String(work));
    await inbox.done(ids(max));
    await inbox.list({ limit: studioLimits.maxInboxPage });
    await inbox.snooze(["t"], now + studioLimits.maxSnoozeMs);
    assert.equal((await inbox.list()).revision, 0);
  });
});

/** Who gets the news of a task beside those who sent prompts: whoever watches it, and whoever is mentioned. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { setupTest } from "@holdfast/test-kit";
import type { ForgeItem } from "../../src/contract.ts";
import { Inboxes, inboxActors, noNotifications } from "./inbox-support.ts";

/** Mentions are of people with these ids. */
async function open(t: TestContext) {
  const world = { person: "ada", now: () => 0 };
  const mentioned = async (text: string) => ["ada", "ben", "eve"].filter((id) => text.includes(`@${id}`));
  const { actors, valueTokens } = inboxActors(world, { ...noNotifications, mentioned });
  const store = (): never => {
    throw new Error("a test has its own store");
  };
  const kit = await setupTest(t, createRegistry({ use: actors, store }), { paused: true });
  world.now = () => kit.clock.now();
  const inboxes = new Inboxes(kit.client, valueTokens);
  return { kit, world, inboxes, settle: () => kit.clock.settle() };
}

test("whoever watches a task gets its news, until they do not want to any more", async (t) => {
  const { world, inboxes, settle } = await open(t);
  await inboxes.create("t", { createdBy: "ada" });
  world.person = "ben";
  await inboxes.task("t").watch(true);
  assert.deepEqual((await inboxes.task("t").get()).watchedBy, ["ada", "ben"]);
  await inboxes.finish("t");
  await settle();
  assert.deepEqual(await inboxes.texts("ben"), ["*finished t"]);
  await inboxes.inbox("ben").done(["t"]);
  await inboxes.task("t").watch(false);
  world.person = "ada";
  await inboxes.task("t").prompt("go on");
  await inboxes.finish("t");
  await settle();
  assert.deepEqual(await inboxes.texts("ben"), []);
  assert.deepEqual(await inboxes.texts("ada"), ["*finished t"]);
});

test("who started a task can stop to watch it, and a prompt of theirs begins it again", async (t) => {
  const { world, inboxes, settle } = await open(t);
  await inboxes.create("t", { createdBy: "ada" });
  await inboxes.task("t").watch(false);
  await inboxes.finish("t");
  await settle();
  assert.deepEqual(await inboxes.texts("ada"), []);
  await inboxes.task("t").prompt("go on");
  await inboxes.finish("t", "failed");
  await settle();
  assert.deepEqual(await inboxes.texts("ada"), ["*failed t: It ended"]);
  await assert.rejects(inboxes.task("t").watch("yes" as never), (error) =>
    isErrorCode(error, "task", "invalid_input"),
  );
  assert.equal(world.person, "ada");
});

test("a task of a group is everybody's, whoever watches it", async (t) => {
  const { world, inboxes, settle } = await open(t);
  await inboxes.inbox("ada").list();
  await inboxes.create("t", { group: "g" });
  world.person = "ben";
  await inboxes.task("t").watch(true);
  assert.equal((await inboxes.task("t").get()).watchedBy, undefined);
  await inboxes.finish("t");
  await settle();
  assert.deepEqual(await inboxes.texts("ada"), ["*finished t"]);
});

test("a mention reaches whom a prompt names, once, and nobody who writes of themselves", async (t) => {
  const { kit, inboxes, settle } = await open(t);
  await inboxes.create("t", { createdBy: "ada", prompt: "@ben look at this" });
  await inboxes.begin("t");
  await inboxes.begin("t");
  await settle();
  assert.deepEqual(await inboxes.texts("ben"), ["*mentioned t: The operator: @ben look at this"]);
  await inboxes.inbox("ben").done(["t.mention"]);
  await inboxes.finish("t");
  await inboxes.task("t").prompt("@eve and @ada,\n  see   here");
  await kit.crash();
  await kit.clock.advance("1m");
  assert.deepEqual(await inboxes.texts("eve"), ["*mentioned t: ADA: @eve and @ada, see here"]);
  assert.deepEqual(await inboxes.texts("ben"), [], "they do not follow the task");
  assert.deepEqual(
    await inboxes.texts("ada"),
    ["finished t (working)"].map((text) => `*${text}`),
  );
  await inboxes.finish("t");
  await inboxes.erase("t");
  await settle();
  assert.deepEqual(await inboxes.texts("eve"), []);
});

test("a review that a forge requests is an entry of whoever has the account, until it ends", async (t) => {
  const { kit, inboxes, settle } = await open(t);
  const attention = kit.client.attention.getOrCreate(["local"]);
  const server = "https://forge.example/api";
  const proven = { person: "ben", server, forge: "github", login: "grace" };
  await attention.action({ name: "internal.accountProven", args: [proven] });
  const item: ForgeItem = {
    ...({ kind: "pull-request", repositoryId: "r" } as const),
    ...{ repository: "team/app", number: 7, title: "Count", author: "ada" },
    webUrl: "https://forge.example/team/app/pull/7",
  };
  const tell = async (logins: readonly string[]) => {
    await attention.send("forge", {
      version: 1,
      repository: "r",
      server,
      at: 5,
      reviews: [{ item, logins }],
    });
    await settle();
    return (await inboxes.inbox("ben").list()).entries;
  };
  const [entry, ...others] = await tell(["grace"]);
  assert.deepEqual(others, []);
  assert.deepEqual([entry?.kind, entry?.item, entry?.task], ["review-requested", item, undefined]);
  assert.equal((await tell(["grace"])).length, 1);
  // At GitLab, an issue has the number of a merge request too.
  const issue: ForgeItem = { ...item, kind: "issue", title: "Broken" };
  const named = (id: string, about: ForgeItem) => ({
    id,
    item: about,
    author: "eve",
    text: "@grace",
    logins: ["grace"],
  });
  const mentions = [named("1", item), named("2", issue)];
  await attention.send("forge", { version: 1, repository: "r", server, at: 6, mentions });
  await settle();
  const mentioned = (await inboxes.inbox("ben").list()).entries.filter(({ kind }) => kind === "mentioned");
  assert.deepEqual(mentioned.map((each) => each.item?.kind).toSorted(), ["issue", "pull-request"]);
  await inboxes.inbox("ben").done(mentioned.map(({ id }) => id));
  assert.deepEqual(
    (await tell([])).filter(({ kind }) => kind === "review-requested"),
    [],
  );
});

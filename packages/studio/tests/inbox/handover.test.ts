/** How a task changes its owner: offers and their answers, assignments, and whom each reaches. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import type { AuditEntry } from "@holdfast/gate";
import { createRegistry } from "@holdfast/server";
import { setupTest } from "@holdfast/test-kit";
import { Inboxes, inboxActors, noNotifications } from "./inbox-support.ts";

/** Members are those in `members`; all others have left. */
async function open(t: TestContext) {
  const audited: AuditEntry[] = [];
  const world = { person: "ada", now: () => 0, audit: (entry: AuditEntry) => void audited.push(entry) };
  const members = new Set(["ada", "ben", "eve"]);
  const standing = async (id: string) => ({
    ...{ mayRead: members.has(id), mayAnswer: members.has(id), email: null, name: id.toUpperCase() },
  });
  const { actors, valueTokens } = inboxActors(world, { ...noNotifications, standing });
  const store = (): never => {
    throw new Error("a test has its own store");
  };
  const kit = await setupTest(t, createRegistry({ use: actors, store }), { paused: true });
  world.now = () => kit.clock.now();
  const inboxes = new Inboxes(kit.client, valueTokens);
  const starter = { id: "ada", name: "ADA" };
  await inboxes.create("t", { createdBy: "ada", startedBy: starter });
  const task = inboxes.task("t");
  /** Calls as this person. */
  const as = <Result>(person: string, call: () => Promise<Result>): Promise<Result> => {
    world.person = person;
    return call();
  };
  const handovers = async (person: string) => {
    await kit.clock.settle();
    return (await inboxes.texts(person)).filter((text) => text.includes("handover"));
  };
  return { kit, inboxes, task, as, handovers, members, audited };
}

const is = (code: string, words?: RegExp) => (error: unknown) =>
  isErrorCode(error, "task", code) && (words === undefined || words.test((error as Error).message));

test("a task that is offered stays with its owner until the receiver accepts", async (t) => {
  const { task, as, handovers, audited, inboxes } = await open(t);
  await assert.rejects(
    as("ben", () => task.offerHandover("ben")),
    is("not_owner", /ADA's/),
  );
  const offer = await as("ada", () => task.offerHandover("ben"));
  assert.equal((await task.offerHandover("ben")).id, offer.id, "the same offer");
  await assert.rejects(task.offerHandover("ada"), is("owned_already"));
  await assert.rejects(task.offerHandover("eve"), is("offered_already", /BEN/));
  assert.deepEqual(await handovers("ben"), ["*handover t: ADA offers you this task."]);
  await assert.rejects(
    as("eve", () => task.acceptHandover(offer.id)),
    is("offered_to_another", /BEN/),
  );
  assert.equal((await task.get()).owner?.id, "ada");

  await as("ben", () => task.acceptHandover(offer.id));
  // A client repeats a call whose answer was lost.
  await task.acceptHandover(offer.id);
  const view = await task.get();
  assert.deepEqual(
    [view.owner, view.offer, view.startedBy?.id],
    [{ id: "ben", name: "BEN" }, undefined, "ada"],
  );
  assert.deepEqual(
    view.handovers?.map(({ from, to, by }) => [from?.id, to.id, by.id]),
    [["ada", "ben", "ben"]],
  );
  assert.ok(view.watchedBy?.includes("ben"));
  assert.deepEqual(await handovers("ben"), [], "it is answered");
  assert.deepEqual(await handovers("ada"), ["*handover t: BEN has taken this task over."]);
  assert.deepEqual(
    audited.map(({ type, session, data }) => [type, session, data?.["from"], data?.["to"], data?.["by"]]),
    [
      ["task.offered", "t", "ada", "ben", "ada"],
      ["task.handed_over", "t", "ada", "ben", "ben"],
    ],
  );
  await assert.rejects(
    as("ada", () => task.offerHandover("eve")),
    is("not_owner"),
  );
  await as("ben", () => task.offerHandover("eve"));
  await inboxes.finish("t");
  await inboxes.erase("t");
  assert.deepEqual(await handovers("eve"), [], "it is deleted");
});

test("of two answers at once, the first one counts, and the other is told which", async (t) => {
  const { kit, task, as, handovers } = await open(t);
  const { id } = await task.offerHandover("ben");
  await as("ben", () => task.declineHandover(id));
  await assert.rejects(task.acceptHandover(id), is("offer_ended", /BEN has declined/));
  assert.deepEqual(await handovers("ada"), [
    "*handover t: BEN does not take this task over. It is still yours.",
  ]);
  const again = await as("ada", () => task.offerHandover("ben"));
  const [taken, accepted] = [task.withdrawHandover(again.id), as("ben", () => task.acceptHandover(again.id))];
  const both = await Promise.allSettled([taken, accepted]);
  assert.deepEqual(both.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
  await kit.crash();
  const { owner, offer } = await task.get();
  assert.equal(owner?.id, both[1]?.status === "fulfilled" ? "ben" : "ada");
  assert.equal(offer, undefined);
  assert.deepEqual(await handovers("ben"), []);
});

test("an offer to somebody who has left is replaced, and an admin assigns what they owned", async (t) => {
  const { task, as, handovers, members } = await open(t);
  const { id } = await task.offerHandover("ben");
  members.delete("ben");
  await assert.rejects(task.offerHandover("ben"), is("receiver_not_found"));
  await task.offerHandover("eve");
  assert.deepEqual([await handovers("ben"), (await handovers("eve")).length], [[], 1]);
  await assert.rejects(
    as("ben", () => task.acceptHandover(id)),
    is("offer_ended", /offered to EVE instead/),
  );
  members.delete("ada");
  assert.equal((await task.get()).owner?.id, "ada", "it is not lost");
  const { offer } = await task.get();
  members.add("ben");
  await as("root", () => task.assign("ben"));
  assert.deepEqual(await handovers("ben"), ["*handover t: ROOT has assigned this task to you."]);
  assert.deepEqual(await handovers("eve"), [], "the offer has ended");
  await assert.rejects(
    as("eve", () => task.acceptHandover(offer?.id ?? "")),
    is("offer_ended", /ROOT has assigned it to BEN/),
  );
  const { owner, handovers: all } = await task.get();
  assert.deepEqual([owner?.id, all?.at(-1)?.by.name], ["ben", "ROOT"]);
});

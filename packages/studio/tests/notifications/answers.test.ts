/** Answers from notifications: one approval, one person, once. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { question } from "../inbox/inbox-support.ts";
import { device, type Outside, open } from "./outbox-support.ts";

const invalid = (error: unknown) => isErrorCode(error, "notification", "invalid_token");

function tokensOf(outside: Outside): readonly string[] {
  return outside.sent
    .flatMap(({ messages }) => messages)
    .map(({ approval }) => approval?.token)
    .filter((token) => token !== undefined);
}

describe("the token of a notification", () => {
  test("answers its approval for its person, once", async (t) => {
    const { outside, inboxes, notifications, settle } = await open(t);
    outside.standing = { mayRead: true, mayAnswer: true, email: null, name: "Ada" };
    await notifications.addDevice(device("phone"));
    await inboxes.create("t", { createdBy: "ada" });
    await inboxes.next("t");
    await inboxes.ask("t", "q");
    await settle();
    const [token = ""] = tokensOf(outside);
    assert.deepEqual(await inboxes.answer(token, true), { taskId: "t" });
    assert.deepEqual((await inboxes.task("t").get()).approvals, []);
    await assert.rejects(inboxes.answer(token, false), invalid);
    await settle();
    assert.deepEqual(await inboxes.texts("ada"), []);
  });

  test("tells the second of two people who was first", async (t) => {
    const { outside, world, inboxes, notifications, settle } = await open(t);
    await notifications.addDevice(device("phone"));
    await inboxes.create("t", { createdBy: "ada" });
    await inboxes.next("t");
    await inboxes.ask("t", "q");
    await settle();
    world.person = "ben";
    await inboxes.task("t").answer("q", "no");
    await assert.rejects(inboxes.answer(tokensOf(outside)[0] ?? "", true), (error) => {
      assert.ok(isErrorCode(error, "approval", "already_settled"));
      assert.match((error as Error).message, /BEN/);
      return true;
    });
  });

  test("has no effect for another person, after its time, or by a guess", async (t) => {
    const { kit, outside, inboxes, notifications, settle } = await open(t);
    await notifications.addDevice(device("phone"));
    await inboxes.notifications("ben").get();
    await inboxes.create("t", { createdBy: "ada" });
    await inboxes.next("t");
    const expiresAt = kit.clock.now() + 60_000;
    await inboxes.report("t", { type: "approval-requested", approval: { ...question("q"), expiresAt } });
    await settle();
    const [token = ""] = tokensOf(outside);
    const [, secret = ""] = token.split(".");
    const ben = Buffer.from("ben").toString("base64url");
    await assert.rejects(inboxes.answer(`${ben}.${secret}`, true), invalid);
    assert.throws(() => inboxes.answer("", true), invalid);
    assert.throws(() => inboxes.answer(`${token}x`, true), invalid);
    await assert.rejects(inboxes.answer(`${token.slice(0, -4)}AAAA`, true), invalid);
    await kit.clock.advance("1m");
    await assert.rejects(inboxes.answer(token, true), invalid);
  });

  test("has no effect once the person may not answer any more", async (t) => {
    const { outside, inboxes, notifications, settle } = await open(t);
    await notifications.addDevice(device("phone"));
    await inboxes.create("t", { createdBy: "ada" });
    await inboxes.next("t");
    await inboxes.ask("t", "q");
    await settle();
    outside.standing = { mayRead: true, mayAnswer: false, email: null };
    await assert.rejects(inboxes.answer(tokensOf(outside)[0] ?? "", true), (error) =>
      isErrorCode(error, "auth", "forbidden"),
    );
    assert.equal((await inboxes.task("t").get()).approvals.length, 1);
  });

  test("is in no notification for a viewer, and in none but pushes", async (t) => {
    const { outside, inboxes, notifications, settle } = await open(t);
    await notifications.setWebhook("https://hooks.example/x");
    await inboxes.create("t", { createdBy: "ada" });
    await inboxes.next("t");
    await inboxes.ask("t", "q");
    await settle();
    outside.standing = { mayRead: true, mayAnswer: false, email: null };
    await notifications.addDevice(device("phone"));
    await inboxes.ask("t", "r");
    await settle();
    assert.equal(outside.sent.length, 3);
    assert.deepEqual(tokensOf(outside), []);
  });
});

describe("what an approval would do", () => {
  test("is in the notification only if all of it fits, and no untrusted text may have caused it", async (t) => {
    const { outside, inboxes, notifications, settle } = await open(t);
    await notifications.addDevice(device("phone"));
    await inboxes.create("t", { createdBy: "ada" });
    await inboxes.next("t");
    const ask = (id: string, more: object) =>
      inboxes.report("t", { type: "approval-requested", approval: { ...question(id), ...more } });
    await ask("short", {});
    await settle();
    await ask("long", { detail: "x".repeat(301) });
    await settle();
    await ask("cut", { truncated: true });
    await settle();
    await ask("tainted", { boundary: { tool: "send", origin: "a web page" } });
    await settle();
    const details = outside.sent.flatMap(({ messages }) => messages.map(({ approval }) => approval?.detail));
    assert.deepEqual(details, ["rm -rf build", undefined, undefined, undefined]);
  });
});

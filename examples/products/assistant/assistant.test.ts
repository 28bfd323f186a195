import assert from "node:assert/strict";
import { test } from "node:test";
import { setupTest } from "holdfast/test";
import { registry } from "./actors.ts";
import { sessionCookie, sessionOf } from "./sign-in/sessions.ts";

test("what is remembered in one conversation is known in the next, after a crash too", async (t) => {
  const { client, crash } = await setupTest(t, registry);
  const ann = client.person.getOrCreate(["ann"], { createWithInput: { name: "Ann" } });
  const first = await ann.startConversation();
  const told = await client.assistant.getOrCreate(["ann", first]).ask("Remember that I drink green tea");
  assert.match(told.text, /remember that/);
  await crash();
  const second = await ann.startConversation();
  assert.notEqual(second, first);
  const { text } = await client.assistant.getOrCreate(["ann", second]).ask("What do you know about me?");
  assert.match(text, /you drink green tea/);
  const { conversations, memories } = await ann.overview();
  assert.deepEqual(
    conversations.map(({ title }) => title),
    ["What do you know about me?", "Remember that I drink green tea"],
  );
  assert.equal(memories.length, 1);
});

test("a reminder waits for approval, and is due at its time", async (t) => {
  const { client, clock } = await setupTest(t, registry);
  const ann = client.person.getOrCreate(["ann"], { createWithInput: { name: "Ann" } });
  const chat = client.assistant.getOrCreate(["ann", await ann.startConversation()]);
  await chat.ask("Remind me to call Bob in 5 minutes");
  assert.deepEqual((await ann.overview()).reminders, []);
  const [question] = await chat.approvals();
  assert.equal(question?.toolName, "set_reminder");
  const turn = await chat.answer(question?.id ?? "", true);
  await chat.result(turn?.id ?? "");
  assert.equal((await ann.overview()).reminders[0]?.isDue, false);
  await clock.advance("6m");
  assert.deepEqual(
    (await ann.overview()).reminders.map(({ text, isDue }) => [text, isDue]),
    [["call Bob", true]],
  );
});

test("a refused tool does nothing, and a deleted conversation answers nothing", async (t) => {
  const { client } = await setupTest(t, registry);
  const ann = client.person.getOrCreate(["ann"], { createWithInput: { name: "Ann" } });
  await ann.remember("likes jazz");
  const id = await ann.startConversation();
  const chat = client.assistant.getOrCreate(["ann", id]);
  await chat.ask("Forget that likes jazz");
  const turn = await chat.answer((await chat.approvals())[0]?.id ?? "", false);
  const { text } = await chat.result(turn?.id ?? "");
  assert.equal(text, "All right, I leave it.");
  assert.equal((await ann.overview()).memories.length, 1);
  await ann.removeConversation(id);
  const refused = await chat.ask("Hello");
  assert.equal(refused.turn.error, "This conversation was deleted.");
});

test("an account has one password, and pauses after wrong ones", async (t) => {
  const { client } = await setupTest(t, registry);
  const account = client.account.getOrCreate(["ann"]);
  const userId = await account.register("correct horse");
  await assert.rejects(account.register("another one"), { code: "name_taken" });
  assert.equal(await account.check("correct horse"), userId);
  for (let attempt = 0; attempt < 5; attempt++)
    await assert.rejects(account.check("wrong"), { code: "wrong_password" });
  await assert.rejects(account.check("correct horse"), { code: "too_many_attempts" });
});

test("only a cookie of this server is a session", (t) => {
  process.env["SESSION_KEY"] = "a key for tests, of thirty-two characters";
  t.after(() => delete process.env["SESSION_KEY"]);
  const cookie = (value: string) => new Request("http://localhost/", { headers: { cookie: value } });
  const [own = ""] = sessionCookie({ userId: "u1", name: "Ann" }, false).split(";");
  assert.deepEqual(sessionOf(cookie(`other=1; ${own}`)), { userId: "u1", name: "Ann" });
  const [name, value = ""] = own.split("=");
  const forged = Buffer.from(
    JSON.stringify({ userId: "u2", name: "Bob", expiresAt: Number.MAX_SAFE_INTEGER }),
  );
  assert.equal(
    sessionOf(cookie(`${name}=${forged.toString("base64url")}.${value.split(".")[1]}`)),
    undefined,
  );
  assert.equal(sessionOf(cookie("")), undefined);
});

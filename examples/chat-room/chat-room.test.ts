import assert from "node:assert/strict";
import { test } from "node:test";
import { setupTest } from "holdfast/test";
import { type Message, registry } from "./actors.ts";

test("what one says, the others hear", async (t) => {
  const { client } = await setupTest(t, registry);
  const ann = client.chatRoom.getOrCreate(["lobby"]).connect({ name: "ann" });
  await ann.ready;
  const joined = new Promise<string>((resolve) => ann.on("joined", resolve));
  await ann.history();
  const bob = client.chatRoom.getOrCreate(["lobby"]).connect({ name: "bob" });
  assert.equal(await joined, "bob");
  const heard = new Promise<Message>((resolve) => ann.on("said", resolve));
  await ann.history();
  await bob.say("hello");
  assert.equal((await heard).text, "hello");
  const left = new Promise<string>((resolve) => ann.on("left", resolve));
  await ann.history();
  await bob.dispose();
  assert.equal(await left, "bob");
});

test("nobody enters without a name", async (t) => {
  const { client } = await setupTest(t, registry);
  const nobody = client.chatRoom.getOrCreate(["lobby"]).connect({});
  await assert.rejects(nobody.ready, { group: "user", code: "name_missing" });
});

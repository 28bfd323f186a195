import assert from "node:assert/strict";
import { test } from "node:test";
import { setup } from "holdfast";
import { setupTest } from "holdfast/test";
import { guestBook } from "./guest-book.ts";

const registry = setup({ use: { guestBook } });

test("a signature is kept, and told to everyone who watches", async (t) => {
  const { client } = await setupTest(t, registry);
  const book = client.guestBook.getOrCreate("home");
  const watching = book.connect();
  const seen = new Promise<{ name: string }>((resolve) => watching.on("signed", resolve));
  await watching.entries();
  await book.sign("Ann");
  assert.equal((await seen).name, "Ann");
  assert.equal((await book.entries()).length, 1);
});

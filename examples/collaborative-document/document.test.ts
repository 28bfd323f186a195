import assert from "node:assert/strict";
import { test } from "node:test";
import type { Client } from "holdfast/client";
import { setupTest } from "holdfast/test";
import * as Y from "yjs";
import { registry } from "./actors.ts";

/** One editor: a Yjs document that follows the actor. */
async function open(client: Client<typeof registry>): Promise<{ doc: Y.Doc; sent(): Promise<unknown> }> {
  const conn = client.document.getOrCreate(["readme"]).connect();
  const doc = new Y.Doc();
  conn.on("update", (update) => Y.applyUpdate(doc, update, "remote"));
  Y.applyUpdate(doc, await conn.load(), "remote");
  const sending: Promise<unknown>[] = [];
  doc.on("update", (update: Uint8Array, origin: unknown) => {
    if (origin !== "remote") sending.push(conn.apply(update));
  });
  return { doc, sent: () => Promise.all(sending) };
}

test("two editors come to the same text, and a third who opens it later", async (t) => {
  const { client, crash } = await setupTest(t, registry);
  const ann = await open(client);
  const bob = await open(client);
  ann.doc.getText("t").insert(0, "hello");
  bob.doc.getText("t").insert(0, "well, ");
  for (let i = 0; i < 60; i++) ann.doc.getText("t").insert(0, ".");
  await ann.sent();
  await bob.sent();
  await crash();
  const late = await open(client);
  const text = late.doc.getText("t").toString();
  assert.equal(text.length, "hello".length + "well, ".length + 60);
  assert.ok(text.includes("hello") && text.includes("well, "));
});

test("what is no update is refused, and the document stays", async (t) => {
  const { client } = await setupTest(t, registry);
  const ann = await open(client);
  ann.doc.getText("t").insert(0, "hello");
  await ann.sent();
  const document = client.document.getOrCreate(["readme"]);
  await assert.rejects(document.apply(Uint8Array.of(1, 2, 3)), { group: "user", code: "invalid_update" });
  assert.equal((await open(client)).doc.getText("t").toString(), "hello");
});

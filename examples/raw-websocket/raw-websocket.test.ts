import assert from "node:assert/strict";
import { test } from "node:test";
import { setupTest } from "holdfast/test";
import { registry } from "./actors.ts";

test("lines are numbered, and the last ones are told to who comes later", async (t) => {
  const { client } = await setupTest(t, registry);
  const handle = client.console.getOrCreate(["c"]);
  const first = await handle.webSocket();
  const answer = new Promise((resolve) => first.addEventListener("message", ({ data }) => resolve(data)));
  first.send("hello");
  assert.equal(await answer, "1 hello");
  const second = await handle.webSocket();
  const replayed = new Promise((resolve) => second.addEventListener("message", ({ data }) => resolve(data)));
  assert.equal(await replayed, "hello");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { setupTest } from "holdfast/test";
import { registry } from "./actors.ts";

test("rows are typed, and survive a sleep", async (t) => {
  const { client, evict } = await setupTest(t, registry);
  const list = client.todoList.getOrCreate(["home"]);
  const id = await list.add("bread");
  await list.add("salt");
  assert.equal(id, 1);
  await list.finish(1);
  await evict(list);
  assert.deepEqual(await list.open(), [{ id: 2, title: "salt", done: false }]);
});

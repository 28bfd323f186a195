import assert from "node:assert/strict";
import { test } from "node:test";
import { setupTest } from "holdfast/test";
import { type Cursor, registry } from "./actors.ts";

test("cursors are seen by the others, and gone with their owner", async (t) => {
  const { client } = await setupTest(t, registry);
  const ann = client.board.getOrCreate(["b"]).connect({ name: "ann" });
  const bob = client.board.getOrCreate(["b"]).connect({ name: "bob" });
  await Promise.all([ann.ready, bob.ready]);
  const seen = new Promise<Cursor>((resolve) => bob.on("moved", resolve));
  const own: Cursor[] = [];
  ann.on("moved", (cursor) => own.push(cursor));
  await Promise.all([ann.cursors(), bob.cursors()]);
  await ann.move(3, 4);
  assert.deepEqual(await seen, { name: "ann", x: 3, y: 4 });
  assert.deepEqual(own, []);
  const left = new Promise<string>((resolve) => bob.on("left", resolve));
  await bob.cursors();
  await ann.dispose();
  assert.equal(await left, "ann");
  assert.deepEqual(await bob.cursors(), [{ name: "bob", x: 0, y: 0 }]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { type EarlierRow, takeOnce } from "./earlier-rows.ts";

test("rows are taken once and in order, whatever is sent again", async () => {
  const values = new Map<string, string>();
  const kv = {
    get: async (key: string) => values.get(key) ?? null,
    put: async (key: string, value: string) => void values.set(key, value),
  } as never;
  const taken: string[] = [];
  const send = (source: string, after: number, ...rows: readonly EarlierRow<string>[]) =>
    takeOnce(kv, { source, after, rows }, (each) => {
      taken.push(...each);
      return [];
    });
  const row = (position: number) => ({ position, row: `row ${position}` });
  assert.equal(await send("one", 0), 0);
  assert.equal(await send("one", 0, row(3), row(7)), 7);
  // The answer was lost: the same again, and then the rest.
  assert.equal(await send("one", 0, row(3), row(7)), 7);
  assert.equal(await send("one", 9, row(11)), 7, "rows before it are missing");
  assert.equal(await send("one", 7, row(9)), 9);
  assert.deepEqual(taken, ["row 3", "row 7", "row 9"]);
  assert.equal(await send("other", 0, row(3)), 3);
  assert.equal(taken.length, 4);
});

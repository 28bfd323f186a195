import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

const data = mkdtempSync(join(tmpdir(), "api-test-"));
process.env["HOLDFAST_DATA"] = data;
const { app } = await import("./app.ts");
const { registry } = await import("./registry.ts");
after(async () => {
  await registry.shutdown();
  rmSync(data, { recursive: true });
});

const add = (text: string) => app.request("/notes/ann", { method: "POST", body: JSON.stringify({ text }) });

test("notes are added, listed and removed", async () => {
  assert.equal((await add("Buy bread")).status, 201);
  assert.deepEqual(await (await app.request("/notes/ann")).json(), [{ id: 1, text: "Buy bread" }]);
  assert.equal((await app.request("/notes/ann/1", { method: "DELETE" })).status, 204);
  assert.deepEqual(await (await app.request("/notes/ann")).json(), []);
});

test("an empty note is refused with a reason", async () => {
  const response = await add(" ");
  assert.equal(response.status, 400);
  assert.deepEqual(await response.json(), { code: "empty_note", error: "The note is empty" });
});

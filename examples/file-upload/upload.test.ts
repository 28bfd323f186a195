import assert from "node:assert/strict";
import { test } from "node:test";
import { setupTest } from "holdfast/test";
import { registry } from "./actors.ts";

test("a file comes back as it was sent", async (t) => {
  const { client } = await setupTest(t, registry);
  const folder = client.folder.getOrCreate(["ann"]);
  const bytes = new Uint8Array(300_000).map((_, i) => i % 251);
  const put = await folder.fetch("/photo.png", {
    method: "PUT",
    body: bytes,
    headers: { "content-type": "image/png" },
  });
  assert.equal(put.status, 201);
  const got = await folder.fetch("/photo.png");
  assert.equal(got.headers.get("content-type"), "image/png");
  assert.deepEqual(new Uint8Array(await got.arrayBuffer()), bytes);
  assert.deepEqual(await folder.names(), ["photo.png"]);
  assert.equal((await folder.fetch("/other")).status, 404);
});

test("a file may have any name", async (t) => {
  const { client } = await setupTest(t, registry);
  const folder = client.folder.getOrCreate(["bob"]);
  const names = ["constructor", "__proto__", "100 %.txt"];
  for (const name of names) {
    const path = `/${encodeURIComponent(name)}`;
    assert.equal((await folder.fetch(path)).status, 404);
    assert.equal((await folder.fetch(path, { method: "PUT", body: name })).status, 201);
    assert.equal(await (await folder.fetch(path)).text(), name);
  }
  assert.deepEqual(await folder.names(), names);
  assert.equal((await folder.fetch("/100%.txt")).status, 400);
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CompressedFiles } from "./compressed-files.ts";
import { findStaticFile, sendStaticFile } from "./static-files.ts";

let directory: string;
let url: string;
const server = createServer(async (request, response) => {
  const file = await findStaticFile(directory, request.url ?? "");
  if (file === undefined) response.writeHead(404).end();
  else await sendStaticFile(request, response, file, {}, { gzip: true });
});

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "holdfast-static-"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

after(async () => {
  server.close();
  await rm(directory, { recursive: true });
});

test("a file that has changed is compressed again", async () => {
  const path = join(directory, "page.html");
  for (const [index, text] of [
    "first".repeat(1_000),
    "first".repeat(1_000),
    "other".repeat(1_000),
  ].entries()) {
    await writeFile(path, text);
    await utimes(path, 1_000 + index, 1_000 + index);
    const response = await fetch(`${url}/page.html`);
    assert.equal(response.headers.get("content-encoding"), "gzip");
    assert.ok(Number(response.headers.get("content-length")) < 200);
    assert.equal(await response.text(), text);
  }
});

test("a client that takes no gzip gets the file as it is", async () => {
  await writeFile(join(directory, "plain.txt"), "plain ".repeat(100));
  const response = await fetch(`${url}/plain.txt`, { headers: { "accept-encoding": "identity" } });
  assert.equal(response.headers.get("content-encoding"), null);
  assert.equal(response.headers.get("content-length"), "600");
  assert.equal(await response.text(), "plain ".repeat(100));
});

test("a large file is compressed while it is sent", async () => {
  const text = "0123456789".repeat(500_000);
  await writeFile(join(directory, "large.txt"), text);
  const response = await fetch(`${url}/large.txt`);
  assert.equal(response.headers.get("content-encoding"), "gzip");
  assert.equal(response.headers.get("content-length"), null);
  assert.equal(await response.text(), text);
});

test("files are compressed once, and those used last are kept", async () => {
  const files = new CompressedFiles(40);
  const file = async (name: string) => {
    const path = join(directory, name);
    await writeFile(path, name.padEnd(10));
    return { path, size: 10, changedAt: 1 };
  };
  const [a, b, c, d, e] = await Promise.all(["a", "b", "c", "d", "e"].map(file));
  assert.ok(a && b && c && d && e);
  const first = files.get(a);
  for (const other of [b, c, d, a, e]) await files.get(other);
  assert.equal(files.get(a), first);
  assert.equal(files.get({ ...a, size: 11 }), undefined);
  const again = files.get({ ...a, changedAt: 2 });
  assert.notEqual(again, first);
  assert.deepEqual(await again, await first);
});

test("a file that cannot be read is tried again", async () => {
  const files = new CompressedFiles(1_000);
  const path = join(directory, "late.txt");
  const file = { path, size: 4, changedAt: 1 };
  await assert.rejects(async () => files.get(file), { code: "ENOENT" });
  await writeFile(path, "late");
  assert.ok((await files.get(file))?.length);
});

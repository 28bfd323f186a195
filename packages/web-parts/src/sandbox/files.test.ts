import assert from "node:assert/strict";
import { test } from "node:test";
import { fileRefQuery, formatFileRef, toFileRef } from "./file-ref.ts";
import { baseName, breadcrumbs, join, readBlob } from "./files.ts";

test("a path that is not UTF-8 is sent as bytes", () => {
  const fileRef = toFileRef({
    path: "/a/\ufffd",
    pathBase64: Buffer.from([0x2f, 0x61, 0x2f, 0xff]).toString("base64"),
  });
  assert.deepEqual(fileRefQuery(fileRef), { pathBase64: "L2Ev/w==" });
  assert.equal(formatFileRef(fileRef), "/a/\ufffd");
  assert.deepEqual(fileRefQuery(toFileRef({ path: "/a/b" })), { path: "/a/b" });
});

test("breadcrumbs lead to a directory from the root or from HOME", () => {
  assert.deepEqual(
    breadcrumbs("/srv/work").map(({ name, path }) => `${name} ${path}`),
    ["/ /", "srv /srv", "work /srv/work"],
  );
  assert.deepEqual(
    breadcrumbs("~/work").map(({ path }) => path),
    ["~", "~/work"],
  );
});

test("joins directories and names", () => {
  assert.equal(baseName("/srv/work/"), "work");
  assert.equal(baseName("/"), "/");
  assert.equal(join("/", "a"), "/a");
  assert.equal(join("~", "a b"), "~/a b");
  const inside = join(
    toFileRef({ path: "/\ufffd", pathBase64: Buffer.from([0x2f, 0xff]).toString("base64") }),
    "ü",
  );
  assert.deepEqual(fileRefQuery(inside), {
    pathBase64: Buffer.from([0x2f, 0xff, 0x2f, 0xc3, 0xbc]).toString("base64"),
  });
});

test("a file is read in a browser whose streams cannot be iterated", async () => {
  const response = new Response(new Blob(["what ", "it holds"]).stream());
  Reflect.defineProperty(response.body ?? {}, Symbol.asyncIterator, { value: undefined });
  assert.equal(await (await readBlob(response, "/a")).text(), "what it holds");
  assert.equal((await readBlob(new Response(null), "/a")).size, 0);
});

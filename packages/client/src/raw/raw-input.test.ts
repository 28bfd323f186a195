import assert from "node:assert/strict";
import { test } from "node:test";
import { readRawInput } from "./raw-input.ts";

const bodyText = (init: RequestInit): Promise<string> => new Response(init.body).text();

test("a path uses the server's origin; a URL or Request brings its own", () => {
  assert.equal(readRawInput("/a?b=1", {}).origin, undefined);
  const url = readRawInput(new URL("https://there.example:8443/a?b=1#c"), {});
  assert.deepEqual([url.origin, url.path], ["https://there.example:8443", "/a?b=1"]);
  const request = readRawInput(new Request("http://there.example/x"), {});
  assert.deepEqual([request.origin, request.path, request.repeatable], ["http://there.example", "/x", true]);
});

test("a Request as init brings its method, headers and body to another path", async () => {
  const init = new Request("http://there.example/old", {
    method: "PUT",
    headers: { "x-a": "1" },
    body: "text",
  });
  const raw = readRawInput("/new", init as RequestInit);
  assert.deepEqual([raw.path, raw.init.method, raw.repeatable], ["/new", "PUT", false]);
  assert.equal(new Headers(raw.init.headers).get("x-a"), "1");
  assert.equal(await bodyText(raw.init), "text");
});

test("a Request of another realm is recognized by its members", () => {
  const { url, method, headers, body, signal, redirect } = new Request("http://there.example/x?y=1", {
    headers: { "x-a": "1" },
  });
  const foreign = { url, method, headers, body, signal, redirect } as Request;
  const raw = readRawInput(foreign, { headers: { "x-b": "2" } });
  assert.equal(raw.path, "/x?y=1");
  assert.deepEqual(
    [...new Headers(raw.init.headers)],
    [
      ["x-a", "1"],
      ["x-b", "2"],
    ],
  );
});

test("a consumed body is refused, unless init replaces it", async () => {
  const used = new Request("http://there.example/x", { method: "POST", body: "old" });
  await used.text();
  assert.throws(() => readRawInput(used, {}), TypeError);
  const raw = readRawInput(used, { body: "new" });
  assert.equal(raw.init.method, "POST");
  assert.equal(await bodyText(raw.init), "new");
  assert.equal(raw.repeatable, true);
});

test("methods are upper-cased, and those that fetch forbids are refused", () => {
  assert.equal(readRawInput("/x", { method: "patch" }).init.method, "PATCH");
  assert.equal(readRawInput("/x", {}).init.method, undefined);
  for (const method of ["TRACE", "connect", "Track"]) {
    assert.throws(() => readRawInput("/x", { method }), TypeError);
  }
  assert.throws(() => readRawInput("/x", { body: "text" }), TypeError);
  assert.throws(() => readRawInput("/x", { method: "HEAD", body: "text" }), TypeError);
  const post = new Request("http://there.example/x", { method: "POST", body: "text" });
  assert.throws(() => readRawInput(post, { method: "GET" }), TypeError);
});

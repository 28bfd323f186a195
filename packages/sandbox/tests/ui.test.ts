import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { silentLogger } from "@holdfast/core";
import { Guard } from "../src/http/guard.ts";
import { Metrics } from "../src/http/metrics.ts";
import { Router } from "../src/http/router.ts";
import { uiRoutes } from "../src/ui/routes.ts";
import { temporary } from "./harness.ts";

const page = "<!doctype html><title>Inspector</title>";
const script = `console.log("${"x".repeat(10_000)}");`;

/** Starts a server of the inspector only, for a folder as a build creates it. Other routes need a token. */
async function startUi(t: TestContext): Promise<{ readonly url: string; readonly directory: string }> {
  const directory = await temporary(t);
  await mkdir(join(directory, "web/assets"), { recursive: true });
  await writeFile(join(directory, "web/index.html"), page);
  await writeFile(join(directory, "web/theme.js"), "// theme");
  await writeFile(join(directory, "web/assets/index-abc.js"), script);
  await writeFile(join(directory, "secret.js"), "// not of the app");
  const guard = new Guard({ token: "t", hosts: ["127.0.0.1"], cors: { origins: [] } });
  const options = { guard, log: silentLogger, metrics: new Metrics() };
  const router = new Router(uiRoutes(join(directory, "web")), options);
  const server = createServer((request, response) => void router.handle(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, directory };
}

test("every path of the app returns its page, without a token and with a strict content policy", async (t) => {
  const { url } = await startUi(t);
  for (const path of [
    "/ui",
    "/ui/",
    "/ui/sessions",
    "/ui/sessions/one.two",
    "/ui/files?path=%2Fsrv",
    "/ui/%zz",
  ]) {
    const response = await fetch(`${url}${path}`);
    assert.equal(response.status, 200, path);
    assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8", path);
    assert.equal(response.headers.get("cache-control"), "no-cache", path);
    const policy = response.headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self';/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*/);
    assert.equal(response.headers.get("referrer-policy"), "no-referrer");
    assert.equal(await response.text(), page, path);
  }
});

test("assets are cached forever, missing ones are 404, and no other file is accessible", async (t) => {
  const { url } = await startUi(t);
  const asset = await fetch(`${url}/ui/assets/index-abc.js`);
  assert.equal(asset.headers.get("content-type"), "text/javascript; charset=utf-8");
  assert.match(asset.headers.get("cache-control") ?? "", /immutable/);
  assert.equal(await asset.text(), script);
  assert.equal(await (await fetch(`${url}/ui/theme.js`)).text(), "// theme");
  const absent = [
    "assets/none.js",
    "assets/",
    "assets/../index.html",
    "none.js",
    "..%2Fsecret.js",
    "assets/..%2F..%2Fsecret.js",
  ];
  for (const path of absent) {
    const response = await raw(url, `/ui/${path}`);
    assert.ok(!response.includes("not of the app"), path);
    if (path.startsWith("assets/")) assert.match(response, /^HTTP\/1\.1 404 /, path);
  }
  assert.equal((await fetch(`${url}/ui/none.js`)).status, 404);
  assert.equal((await fetch(`${url}/uix`)).status, 404);
  assert.equal((await fetch(`${url}/ui/`, { method: "POST" })).status, 405);
});

test("files are compressed if the browser accepts it, and HEAD has the same headers", async (t) => {
  const { url } = await startUi(t);
  const path = `${url}/ui/assets/index-abc.js`;
  const plain = await fetch(path, { headers: { "accept-encoding": "identity" } });
  assert.equal(plain.headers.get("content-length"), String(script.length));
  assert.equal(plain.headers.get("content-encoding"), null);
  assert.equal(await plain.text(), script);
  const packed = await fetch(path, { headers: { "accept-encoding": "br, gzip" } });
  assert.equal(packed.headers.get("content-encoding"), "gzip");
  assert.match(packed.headers.get("vary") ?? "", /accept-encoding/);
  assert.equal(await packed.text(), script);
  const refused = await fetch(path, { headers: { "accept-encoding": "gzip;q=0" } });
  assert.equal(refused.headers.get("content-encoding"), null);
  assert.equal(await refused.text(), script);
  const head = await fetch(path, { method: "HEAD", headers: { "accept-encoding": "identity" } });
  assert.equal(head.headers.get("content-length"), String(script.length));
});

test("a foreign Host gets no page, and an unbuilt app is reported", async (t) => {
  const { url, directory } = await startUi(t);
  assert.match(await raw(url, "/ui/", "evil.example"), /^HTTP\/1\.1 403 /);
  await rm(join(directory, "web"), { recursive: true });
  const response = await fetch(`${url}/ui/`);
  assert.equal(response.status, 503);
  const problem = (await response.json()) as { readonly code: string };
  assert.equal(problem.code, "ui_not_built");
});

/** Returns the raw response to a path that no URL parser has normalized. */
async function raw(url: string, path: string, host = "127.0.0.1"): Promise<string> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { silentLogger } from "@holdfast/core";
import { Validator } from "@seriousme/openapi-schema-validator";
import { compose } from "../src/composition.ts";
import { defaultLimits } from "../src/limits.ts";
import { openApiDocument } from "../src/openapi/document.ts";
import { assertDocumented, documentedOperations } from "./documented.ts";
import { startSandbox, temporary } from "./harness.ts";

/** Lists the operations of the server as `GET /v1/fs/{id}`. A WebSocket counts as the GET of its path. */
async function servedOperations(home: string): Promise<Set<string>> {
  const options = { listen: { host: "127.0.0.1", port: 0 }, home };
  const { router, stop } = await compose(options, "t", defaultLimits, silentLogger);
  const routes = await router.allRoutes();
  await stop();
  return new Set(
    routes.flatMap(({ path, methods, socket }) => {
      const template = path.replaceAll(/:(\w+)/g, "{$1}");
      const names = new Set([...Object.keys(methods), ...(socket ? ["GET"] : [])]);
      return [...names].map((method) => `${method} ${template}`);
    }),
  );
}

test("every route is documented, and every documented route exists", async (t) => {
  const served = await servedOperations(await temporary(t));
  assert.deepEqual([...documentedOperations()].sort(), [...served].sort());
});

test("the document is OpenAPI 3.1, with unique ids and declared path parameters", async () => {
  const result = await new Validator().validate({ ...openApiDocument() });
  assert.ok(result.valid, JSON.stringify(result.errors));
  const ids = new Set<string>();
  for (const [path, item] of Object.entries(openApiDocument().paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const { operationId, parameters = [] } = operation;
      assert.ok(!ids.has(operationId), `${operationId} names two operations`);
      ids.add(operationId);
      const named = parameters.filter(({ in: where }) => where === "path").map(({ name }) => name);
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      assert.deepEqual(named.sort(), inPath.sort(), `${method} ${path}`);
    }
  }
});

test("the route tables of the reference match the document", async () => {
  const page = join(import.meta.dirname, "../../../docs/reference/sandbox-api.md");
  const rows = (await readFile(page, "utf8")).matchAll(/^\| `([A-Z]+ \/[^` ]*)` \|/gm);
  const listed = [...rows].map(([, operation = ""]) => operation);
  assert.deepEqual(
    listed.filter((operation, index) => listed.indexOf(operation) !== index),
    [],
    "a route is listed twice",
  );
  const documented = documentedOperations();
  assert.deepEqual(
    listed.filter((operation) => !documented.has(operation)),
    [],
    "rows of docs/reference/sandbox-api.md without a route",
  );
  assert.deepEqual(
    [...documented].filter((operation) => !listed.includes(operation)),
    [],
    "routes without a row in docs/reference/sandbox-api.md",
  );
});

test("the document is served without a token, and under /v1/ with one", async (t) => {
  const { url, fetch } = await startSandbox(t, "tcp");
  const open = await globalThis.fetch(`${url}/openapi.json`);
  assert.deepEqual(await open.json(), JSON.parse(JSON.stringify(openApiDocument())));
  assert.equal((await globalThis.fetch(`${url}/v1/openapi.json`)).status, 401);
  const guarded = await fetch(`${url}/v1/openapi.json`);
  assert.equal(guarded.status, 200);
});

test("responses of the server and file routes match the document", async (t) => {
  const { url, fetch, client } = await startSandbox(t);
  type Method = Parameters<typeof assertDocumented>[0];
  const check = async (
    method: Method,
    path: string,
    expected: number,
    init: RequestInit & { q?: string } = {},
  ) => {
    const { q = "", ...rest } = init;
    const response = await fetch(`${url}${path}${q}`, { method: method.toUpperCase(), ...rest });
    assert.equal(response.status, expected, `${method} ${path}${q}`);
    const text = await response.text();
    const isJson = /json/.test(response.headers.get("content-type") ?? "");
    assertDocumented(method, path, response, isJson ? JSON.parse(text) : text);
  };
  for (const path of ["/", "/v1/health", "/openapi.json", "/v1/openapi.json", "/metrics"]) {
    await check("get", path, 200);
  }
  const file = "/v1/fs/file";
  await check("put", file, 200, { q: "?path=d/f", body: "0123456789" });
  await check("put", file, 412, { q: "?path=d/f", body: "x", headers: { "if-none-match": "*" } });
  await check("put", file, 502, { q: "?path=d", body: "x" });
  await check("put", file, 400, { q: "?path=../d", body: "x" });
  await check("get", file, 200, { q: "?path=d/f" });
  await check("get", file, 206, { q: "?path=d/f", headers: { range: "bytes=1-2" } });
  await check("get", file, 416, { q: "?path=d/f", headers: { range: "bytes=10-" } });
  await check("get", file, 304, { q: "?path=d/f", headers: { "if-none-match": "*" } });
  await check("get", file, 400);
  await check("get", "/v1/fs/stat", 200, { q: "?path=d/f" });
  await check("get", "/v1/fs/stat", 400, { q: "?path=none" });
  await check("post", "/v1/fs/mkdir", 200, { q: "?path=d/e" });
  await check("get", "/v1/fs/entries", 200, { q: "?path=d" });
  await check("get", "/v1/fs/entries", 400, { q: "?path=d/f" });
  await check("get", "/v1/fs/archive", 200, { q: "?path=d" });
  await check("get", "/v1/fs/archive", 200, { q: "?path=d&gzip=true" });
  const move = (body: object) => ({
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  await check("post", "/v1/fs/move", 200, move({ from: "d/f", to: "d/g" }));
  await check("post", "/v1/fs/move", 400, move({ from: "d/f", to: "d/g" }));
  await check("post", "/v1/fs/move", 415, { body: "{}" });
  await check("post", "/v1/fs/move", 422, move({}));
  const tar = { headers: { "content-type": "application/x-tar" } };
  await check("post", "/v1/fs/upload-batch", 200, { ...tar, body: new Uint8Array(1_024) });
  await check("post", "/v1/fs/upload-batch", 502, { ...tar, body: "nonsense".repeat(200) });
  await check("post", "/v1/fs/upload-batch", 400, { body: "x" });
  await check("delete", "/v1/fs/entry", 502, { q: "?path=d" });
  await check("delete", "/v1/fs/entry", 400, { q: "?path=none" });
  await check("delete", "/v1/fs/entry", 200, { q: "?path=d&recursive=true" });
  assert.deepEqual(await client.fs.entries("~"), []);
});

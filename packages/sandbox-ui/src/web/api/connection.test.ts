import assert from "node:assert/strict";
import { test } from "node:test";
import { readConnection, withToken } from "./connection.ts";

function tab(address: string, kept = new Map<string, string>()) {
  const url = new URL(address);
  const shown: string[] = [];
  const history = {
    replaceState: (_: unknown, __: string, to?: string | URL | null) => shown.push(String(to)),
  };
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
  return { connection: readConnection(url, history, storage), shown, kept, storage };
}

test("a token and headers in the query are removed from the address and kept for the tab", () => {
  const headers = encodeURIComponent(JSON.stringify({ "x-trace": "1", "bad name": "2", number: 3 }));
  const first = tab(`http://127.0.0.1:2468/ui/?token=secret&headers=${headers}&view=all`);
  assert.deepEqual(first.connection, {
    baseUrl: "http://127.0.0.1:2468",
    basePath: "/ui",
    token: "secret",
    headers: { "x-trace": "1" },
  });
  assert.deepEqual(first.shown, ["/ui/?view=all"]);
  const again = tab("http://127.0.0.1:2468/ui/sessions", first.kept);
  assert.equal(again.connection.token, "secret");
  assert.deepEqual(again.connection.headers, { "x-trace": "1" });
  assert.deepEqual(again.shown, []);
});

test("a token in the fragment takes precedence over one in the query", () => {
  const { connection, shown } = tab("http://localhost/ui/files?token=a#token=b");
  assert.equal(connection.token, "b");
  assert.deepEqual(shown, ["/ui/files"]);
});

test("headers that are not a JSON object are ignored, and an address without token or headers is unchanged", () => {
  assert.deepEqual(tab("http://localhost/ui/?headers=nonsense").connection.headers, {});
  const { connection, shown } = tab("http://localhost/ui/?view=all");
  assert.deepEqual([connection.token, shown], [undefined, []]);
});

test("the server is found below the path of a proxy, and below a task it is the task's sandbox", () => {
  const proxied = tab("http://host/box/7/ui/files").connection;
  assert.deepEqual([proxied.baseUrl, proxied.basePath], ["http://host/box/7", "/box/7/ui"]);
  assert.equal(proxied.taskPath, undefined);
  const task = tab("http://localhost:1/tasks/0a-1b/sandbox/ui/processes").connection;
  assert.equal(task.baseUrl, "http://localhost:1/tasks/0a-1b/sandbox");
  assert.equal(task.basePath, "/tasks/0a-1b/sandbox/ui");
  assert.equal(task.taskPath, "/tasks/0a-1b");
});

test("a typed token replaces the stored one", () => {
  const { connection, storage, kept } = tab("http://localhost/ui/?token=old");
  assert.equal(withToken(connection, "new", storage).token, "new");
  assert.equal(tab("http://localhost/ui/", kept).connection.token, "new");
});

test("the page works if storage is forbidden", () => {
  const refuse = () => {
    throw new Error("forbidden");
  };
  const url = new URL("http://localhost/ui/?token=t");
  const history = { replaceState: () => undefined };
  const storage = { getItem: () => null, setItem: refuse };
  assert.equal(readConnection(url, history, storage).token, "t");
  assert.equal(readConnection(url, history, undefined).token, "t");
});

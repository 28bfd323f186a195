import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import WebSocket from "ws";
import { createStudio } from "../src/index.ts";
import { logIn, makeRepository, needsJail, temporaryFolder, Watch } from "./support.ts";

/** A task whose agent waits for an answer, which keeps its sandbox running, and requests with its owner's cookie. */
async function startTask(t: TestContext) {
  const folder = temporaryFolder(t);
  const repository = makeRepository(folder);
  const studio = await createStudio({
    dataDirectory: join(folder, "data"),
    environment: { PATH: process.env.PATH },
    vault: { logins: false },
  });
  t.after(() => studio.close());
  const task = await studio.client.organization.createTask({ repository, agent: "demo", prompt: "go" });
  const watch = await Watch.open(studio.client, task.id);
  t.after(() => watch.close());
  await watch.status("waiting");
  const cookie = await logIn(studio.url, await studio.issueTicket());
  const call = (path: string, init: RequestInit = {}, id = task.id) =>
    fetch(`${studio.url}/tasks/${id}/sandbox${path}`, { ...init, headers: { cookie, ...init.headers } });
  return { studio, task, watch, cookie, call };
}

const json = { "content-type": "application/json" };

test("only the owner reaches processes and files of a task's sandbox", async (t) => {
  if (!needsJail(t)) return;
  const { studio, task, watch, call } = await startTask(t);
  const run = await call("/v1/processes/run", {
    method: "POST",
    headers: json,
    body: JSON.stringify({ command: "sh", args: ["-c", "pwd; cat README.md"] }),
  });
  assert.equal(run.status, 200);
  assert.equal(((await run.json()) as { stdout: string }).stdout, "/workspace\n# Hi\n");

  const page = "<script>document.title = 'owned'</script>";
  const file = "/v1/fs/file?path=%2Fworkspace%2Fpage.html";
  const created = await call(file, { method: "PUT", headers: { "if-none-match": "*" }, body: page });
  assert.equal(created.status, 200);
  assert.equal(
    (await call(file, { method: "PUT", headers: { "if-none-match": "*" }, body: "" })).status,
    412,
  );
  const read = await call(file, { headers: { range: "bytes=0-7" } });
  assert.equal(read.status, 206);
  assert.equal(await read.text(), "<script>");
  assert.match(read.headers.get("content-security-policy") ?? "", /^sandbox; default-src 'none'/);
  assert.equal(read.headers.get("x-content-type-options"), "nosniff");

  const stranger = await fetch(`${studio.url}/tasks/${task.id}/sandbox/v1/health`);
  assert.equal(stranger.status, 401);
  const foreign = await call("/v1/health", { headers: { origin: "http://evil.example" } });
  assert.equal(foreign.status, 403);
  // Requests that would bypass the task's own log and approvals are refused.
  for (const path of ["/v1/sessions", "/v1/permissions", "/v1/acp", "/v1/agents", "/v1/fs", "/metrics"]) {
    const response = await call(path.startsWith("/v1/") ? path : `/v1${path}`);
    assert.equal(response.status, 404, path);
  }

  // Git of the host runs in jails too, for moments.
  const ofAgent = async () =>
    (await studio.client.organization.system()).sandboxes.filter((each) => each.id.startsWith(task.id));
  const [running] = await ofAgent();
  assert.deepEqual(running?.task, { id: task.id, title: task.title });
  assert.ok((running?.pids ?? 2) >= 2 && (running?.startedAt ?? 0) > 0, JSON.stringify(running));

  await studio.client.task(task.id).stop();
  await watch.status("stopped", "idle", "failed");
  assert.deepEqual(await ofAgent(), []);
  const gone = await call("/v1/health");
  assert.equal(gone.status, 409);
  assert.equal(((await gone.json()) as { code: string }).code, "sandbox_not_running");
  const unknown = await call("/v1/health", {}, "00000000-0000-4000-8000-000000000000");
  assert.equal(unknown.status, 409);
});

test("a stream from a sandbox is not buffered, and ends with its reader", async (t) => {
  if (!needsJail(t)) return;
  const { call } = await startTask(t);
  const watching = new AbortController();
  const stream = await call("/v1/fs/watch?path=%2Fworkspace", { signal: watching.signal });
  assert.match(stream.headers.get("content-type") ?? "", /^text\/event-stream/);
  const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
  assert.ok(reader);
  let seen = "";
  const until = async (text: string) => {
    while (!seen.includes(text)) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`the stream ended before "${text}": ${seen}`);
      seen += value;
    }
  };
  await until("event: ready");
  await call("/v1/fs/file?path=%2Fworkspace%2Fnew.txt", { method: "PUT", body: "new" });
  await until("new.txt");
  watching.abort();
  await assert.rejects(reader.read(), { name: "AbortError" });
  assert.equal((await call("/v1/health")).status, 200);
});

test("only the owner reaches a terminal of a task's sandbox", async (t) => {
  if (!needsJail(t)) return;
  const { studio, task, cookie, call } = await startTask(t);
  const command = { command: "sh", args: ["-c", "read line; echo got-$line"], tty: true };
  const created = await call("/v1/processes", {
    method: "POST",
    headers: json,
    body: JSON.stringify(command),
  });
  const { id } = (await created.json()) as { id: string };
  const url = `${studio.url}/tasks/${task.id}/sandbox/v1/processes/${id}/terminal/ws`;
  const socket = new WebSocket(url, { headers: { cookie } });
  let shown = "";
  const exited = new Promise<unknown>((resolve, reject) => {
    socket.once("error", reject);
    socket.on("message", (data, isBinary) => {
      if (isBinary) shown += String(data);
      else if (String(data).includes('"exit"')) resolve(JSON.parse(String(data)));
    });
  });
  await once(socket, "open");
  socket.send(JSON.stringify({ type: "input", data: "word\n" }));
  assert.deepEqual(await exited, { type: "exit", exitCode: 0 });
  assert.match(shown, /got-word/);

  const statusOf = async (address: string, headers: Record<string, string>) => {
    const refused = new WebSocket(address, { headers });
    const [, response] = await once(refused, "unexpected-response");
    refused.on("error", () => {});
    refused.terminate();
    return response.statusCode;
  };
  assert.equal(await statusOf(url, {}), 401);
  assert.equal(await statusOf(url.replace(id, "none"), { cookie }), 404);
  assert.equal(await statusOf(url.replace(task.id, "none"), { cookie }), 409);
  const other = new WebSocket(url.replace("/terminal/ws", ""), { headers: { cookie } });
  const [code] = await once(other, "close");
  assert.equal(code, 1008);
});

test("the inspector is the page of a task's sandbox, with its own files", async (t) => {
  const folder = temporaryFolder(t);
  const webDirectory = join(folder, "web");
  mkdirSync(webDirectory);
  writeFileSync(join(webDirectory, "index.html"), "<!doctype html><title>Studio</title>");
  const studio = await createStudio({
    dataDirectory: join(folder, "data"),
    webDirectory,
    environment: {},
    vault: { logins: false },
  });
  t.after(() => studio.close());
  const titleOf = async (path: string) =>
    /<title>(.*)<\/title>/.exec(await (await fetch(`${studio.url}${path}`)).text())?.[1];
  assert.equal(await titleOf("/tasks/one"), "Studio");
  assert.equal(await titleOf("/tasks/one/sandbox"), "Studio");
  for (const path of ["/tasks/one/sandbox/ui", "/tasks/one/sandbox/ui/files"])
    assert.equal(await titleOf(path), "Sandbox inspector", path);
  const page = await (await fetch(`${studio.url}/tasks/one/sandbox/ui/`)).text();
  const script = /src="(\/ui\/assets\/[^"]+\.js)"/.exec(page)?.[1];
  assert.ok(script);
  const asset = await fetch(`${studio.url}${script}`);
  assert.equal(asset.headers.get("content-type"), "text/javascript; charset=utf-8");
  assert.match(asset.headers.get("cache-control") ?? "", /immutable/);
  await asset.body?.cancel();
  assert.equal((await fetch(`${studio.url}/ui/assets/none.js`)).status, 404);
});

/** An agent of a task asks its model's host by the address that everybody knows, in a tunnel that the gate reads. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { createStudio } from "@holdfast/studio";
import { startTlsUpstream } from "../../packages/gate/tests/tls-support.ts";
import { makeRepository, mentions, untilEvent, Watch } from "../../packages/studio/tests/support.ts";
import { missing, temporaryDirectory } from "./support.ts";

/** Requests the path in each prompt, and reports the answer. */
const agent = `#!/opt/holdfast/bin/node
  import { execFile } from "node:child_process";
  import { createInterface } from "node:readline";
  const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\\n");
  const ask = (url) => new Promise((done) =>
    execFile("curl", ["-sS", "--noproxy", "", "-w", " %{http_code}", url], (_error, stdout, stderr) => done(stdout + stderr)));
  createInterface({ input: process.stdin }).on("line", async (line) => {
    const { id, method, params } = JSON.parse(line);
    if (method === "initialize") say({ id, result: { protocolVersion: 1, agentCapabilities: {} } });
    if (method === "session/new") say({ id, result: { sessionId: "one" } });
    if (method === "session/prompt") {
      const text = await ask(params.prompt[0].text);
      const update = { sessionUpdate: "agent_message_chunk", content: { type: "text", text } };
      say({ method: "session/update", params: { sessionId: "one", update } });
      say({ id, result: { stopReason: "end_turn" } });
    }
  });`;

test("an agent reaches its model by the model's own address if egress.json allows it", {
  skip: missing("bwrap", "curl"),
}, async (t) => {
  const key = "sk-canary-0123456789abcdefghij";
  const seen: string[] = [];
  const answer: RequestListener = (request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    response.end(`models for ${request.headers.authorization}`);
  };
  const port = await startTlsUpstream(t, ["localhost"], answer, "127.0.0.1");
  const folder = temporaryDirectory(t);
  const [dataDirectory, programs] = [join(folder, "data"), join(folder, "programs")];
  for (const path of [dataDirectory, programs]) mkdirSync(path);
  writeFileSync(join(dataDirectory, "egress.json"), JSON.stringify({ version: 1, intercept: true }));
  writeFileSync(join(programs, "qwen"), agent, { mode: 0o755 });
  const base = `https://localhost:${port}/v1`;
  const studio = await createStudio({
    dataDirectory,
    environment: {
      PATH: `${programs}:${process.env["PATH"]}`,
      OPENAI_API_KEY: key,
      HOLDFAST_OPENAI_BASE_URL: base,
    },
    vault: { logins: false },
  });
  t.after(() => studio.close());
  const repository = makeRepository(folder);
  const { organization } = studio.client;
  const task = await organization.createTask({ repository, agent: "qwen", prompt: `${base}/models` });
  const watch = await Watch.open(studio.client, task.id);
  t.after(() => watch.close());
  const view = await watch.status("idle", "failed");
  assert.equal(view.error, undefined);
  await untilEvent(studio.client, view.sessionId, (event) =>
    mentions(event, "models for Bearer [redacted] 200"),
  );
  await studio.client.task(task.id).prompt(`${base}/files`);
  await untilEvent(studio.client, view.sessionId, (event) => mentions(event, "egress.not_allowed"));
  assert.deepEqual(seen, [`GET /v1/models Bearer ${key}`]);
});

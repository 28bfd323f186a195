import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { createStudio, type Studio, type StudioOptions } from "../../src/index.ts";
import { needsJail, temporaryFolder } from "../support.ts";
import { installPost } from "../tool-support.ts";

async function start(t: TestContext, options: Partial<StudioOptions> = {}): Promise<Studio> {
  const folder = temporaryFolder(t);
  const dataDirectory = join(folder, "data");
  installPost(dataDirectory);
  const studio = await createStudio({
    ...{ dataDirectory, webDirectory: folder, vault: { logins: false } },
    environment: { PATH: process.env["PATH"] },
    ...options,
  });
  t.after(() => studio.close());
  return studio;
}

test("a secret is set, rotated and deleted, each on the record, and its value is nowhere", async (t) => {
  const { client, dataDirectory } = await start(t);
  const { administration } = client;
  const values = ["canary-value-0123456789", "canary-value-9876543210"];
  await administration.setSecret("deploy-token", values[0] ?? "");
  await administration.setSecret("deploy-token", values[1] ?? "");
  const secrets = await administration.secrets();
  assert.deepEqual(secrets, [{ name: "deploy-token", owner: "", uses: [] }]);
  await administration.deleteSecret("deploy-token");
  assert.deepEqual(await administration.secrets(), []);
  const { records } = await administration.audit({ type: "secret" });
  assert.deepEqual(
    records.map(({ type, data }) => [type, data?.["secret"], data?.["by"]]),
    [
      ["secret.deleted", "deploy-token", "operator"],
      ["secret.set", "deploy-token", "operator"],
      ["secret.set", "deploy-token", "operator"],
    ],
  );
  const log = readFileSync(join(dataDirectory, "gate", "audit.log"), "utf8");
  for (const value of values) assert.ok(!log.includes(value), "a value is in the audit log");
  await assert.rejects(administration.setSecret("not a name", "x"), (error) =>
    isErrorCode(error, "vault", "invalid_secret"),
  );
});

test("the policy is explained and tried before it is saved, and a change of somebody else is not overwritten", async (t) => {
  const { client, dataDirectory } = await start(t);
  const { administration } = client;
  const view = await administration.policy();
  assert.equal(view.source, "default");
  assert.ok(view.tools.some(({ name, risk }) => name === "note_post" && risk === "high"));
  const call = { tool: "note_post", arguments: { text: "hello" } };
  const before = await administration.explainPolicy(call);
  assert.deepEqual([before.action, before.rule], ["ask", "default: high risk"]);
  const rules = [{ id: "no-posts", tools: ["note_*"], action: "deny", reason: "not today" }];
  const text = JSON.stringify({ version: 1, rules });
  const tried = await administration.explainPolicy({ ...call, text });
  assert.deepEqual([tried.action, tried.rule, tried.reason], ["deny", "no-posts", "not today"]);
  assert.deepEqual(tried.steps, [{ rule: "no-posts", action: "deny", outcome: "decides" }]);
  assert.equal((await administration.explainPolicy(call)).action, "ask", "nothing is in force yet");
  assert.deepEqual(await administration.tryPolicy(text), { same: 0, changed: 0, depends: 0, changes: [] });
  const isInvalid = (error: unknown) => isErrorCode(error, "policy", "invalid_file");
  await assert.rejects(administration.savePolicy("{", view.text), isInvalid);
  await administration.savePolicy(text, view.text);
  assert.equal((await administration.explainPolicy(call)).action, "deny");
  assert.equal((await administration.policy()).source, "file");
  writeFileSync(join(dataDirectory, "policy.json"), JSON.stringify({ version: 1, rules: [] }));
  await assert.rejects(administration.savePolicy(text, text), (error) =>
    isErrorCode(error, "policy", "changed"),
  );
  await assert.rejects(administration.explainPolicy({ tool: "unknown" }), (error) =>
    isErrorCode(error, "policy", "unknown_tool"),
  );
});

test("a connection that is checked works, or says what it answered and what to do", async (t) => {
  if (!needsJail(t)) return;
  const key = "canary-0123456789abcdef";
  const model = createServer((request, response) => {
    const isKnown = request.headers["x-goog-api-key"] === key;
    response.writeHead(isKnown ? 200 : 401, { "content-type": "application/json" });
    response.end(isKnown ? '{"models": []}' : '{"error": "unknown key"}');
  });
  await new Promise<void>((resolve) => model.listen(0, "127.0.0.1", resolve));
  t.after(() => model.close());
  const address = model.address();
  assert.ok(typeof address === "object" && address !== null);
  const base = { HOLDFAST_GOOGLE_BASE_URL: `http://127.0.0.1:${address.port}`, PATH: process.env["PATH"] };
  const { client } = await start(t, { environment: { ...base, GEMINI_API_KEY: key } });
  const { administration } = client;
  const connections = await administration.connections();
  assert.equal(connections.find(({ id }) => id === "model/google")?.isSetUp, true);
  for (const id of ["model/google", "jail", "store"]) {
    const check = await administration.checkConnection(id);
    assert.equal(check.isWorking, true, JSON.stringify(check));
  }
  const absent = await administration.checkConnection("model/openai");
  assert.equal(absent.isWorking, false);
  assert.match(absent.detail, /auth api-key openai/);
  await assert.rejects(administration.checkConnection("model/moon"), (error) =>
    isErrorCode(error, "administration", "not_found"),
  );
  const other = await start(t, { environment: { ...base, GEMINI_API_KEY: "canary-another-0123456789" } });
  const refused = await other.client.administration.checkConnection("model/google");
  assert.equal(refused.isWorking, false);
  assert.match(refused.detail, /401: it does not accept the key/);
  assert.ok(!JSON.stringify(refused).includes("canary-another"));
});

test("a question about the audit log that makes no sense is refused", async (t) => {
  const { client } = await start(t, { runTasks: false });
  for (const query of [
    { limit: 0 },
    { limit: 501 },
    { decision: "maybe" },
    { since: -1 },
    { type: "" },
    { task: 7 },
  ])
    await assert.rejects(
      client.administration.audit(query as never),
      (error) => isErrorCode(error, "administration", "invalid_input"),
      JSON.stringify(query),
    );
  const check = await client.administration.verifyAudit();
  assert.deepEqual([check.isIntact, check.badRecord], [true, undefined]);
  const page = await client.administration.audit({ type: "gate" });
  assert.equal(page.records.at(-1)?.type, "gate.open");
});

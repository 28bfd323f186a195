import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { field, openSession, processesWith, startSandbox, until, withScript } from "./harness.ts";
import { scriptedAgents } from "./scripted-agent.ts";
import { assertGapless, SessionApi } from "./session-api.ts";

/** An agent that ignores SIGTERM, so that ending it takes a second. */
const stubborn = `
import { createInterface } from "node:readline";
process.on("SIGTERM", () => {});
setInterval(() => {}, 1_000);
createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method } = JSON.parse(line);
  const result = method === "session/new" ? { sessionId: "a" } : {};
  console.log(JSON.stringify({ jsonrpc: "2.0", id, result }));
});`;

const nameless = `
import { createInterface } from "node:readline";
createInterface({ input: process.stdin }).on("line", (line) => {
  console.log(JSON.stringify({ jsonrpc: "2.0", id: JSON.parse(line).id, result: { sessionId: 5 } }));
});`;

/** An agent that loses its sessions in a restart and then does not answer `session/set_mode`. */
const forgetful = `
import { existsSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
const isSecond = existsSync(process.env.HOME + "/first");
writeFileSync(process.env.HOME + "/first", "");
const modes = { currentModeId: "a", availableModes: ["a", "b"].map((id) => ({ id, name: id })) };
const configOptions = [["m", "model"], ["t", "thought_level"], ["o", "other"]].map(([id, category]) => (
  { id, name: id, category, type: "select", currentValue: "x", options: [{ value: "x", name: "X" }] }));
createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method } = JSON.parse(line);
  if (isSecond && method === "session/set_mode") return writeFileSync(process.env.HOME + "/asked", "");
  const result = method === "session/new" ? { sessionId: "a", modes, configOptions } : {};
  console.log(JSON.stringify({ jsonrpc: "2.0", id, result }));
});`;

/** An agent that supports only a later version of the protocol. */
const newer = `
import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin })) {
  const { id } = JSON.parse(line);
  console.log(JSON.stringify({ jsonrpc: "2.0", id, result: { protocolVersion: 2, sessionId: "s" } }));
}`;

describe("sessions of the server", () => {
  test("are created, prompted, listed and deleted, with every message in the log, in order", async (t) => {
    const sandbox = await startSandbox(t);
    const api = new SessionApi(sandbox);
    const created = await api.expect(201, "POST", "/v1/sessions", {
      agent: "demo",
      title: "First",
      mode: "auto",
    });
    const id = String(field(created, "id"));
    assert.equal(field(created, "status"), "idle");
    assert.equal(field(created, "mode"), "auto");
    assert.equal(field(created, "cwd"), sandbox.work);
    const prompt = await api.prompt(id, "write notes");
    assert.equal(field(prompt, "status"), "completed");
    assert.equal(field(prompt, "stopReason"), "end_turn");
    assert.match(await readFile(join(sandbox.work, "NOTES.md"), "utf8"), /write notes/);
    const events = await api.events(id);
    assertGapless(events);
    assert.equal(events.length, field(await api.session(id), "lastSequence"));
    const methods = events.map(
      (event) => `${field(event, "sender")} ${field(event, "payload", "method") ?? "answer"}`,
    );
    assert.deepEqual(methods.slice(0, 6), [
      "client initialize",
      "agent answer",
      "client session/new",
      "agent answer",
      "client session/set_mode",
      "agent answer",
    ]);
    assert.ok(methods.indexOf("client session/prompt") < methods.indexOf("agent session/update"));
    const listed = await api.expect(200, "GET", "/v1/sessions?agent=demo");
    assert.equal(field(listed, "durable"), false);
    assert.equal(field(listed, "sessions", 0, "id"), id);
    assert.deepEqual(field(await api.expect(200, "GET", "/v1/sessions?status=detached"), "sessions"), []);
    await api.expect(204, "DELETE", `/v1/sessions/${id}`);
    await api.expect(204, "DELETE", `/v1/sessions/${id}`);
    await api.expect(404, "GET", `/v1/sessions/${id}`);
    assert.deepEqual(await sandbox.client.listAcpServers(), []);
  });

  test("a page ends at its limit, and reading it again gives the same entries", async (t) => {
    const api = new SessionApi(await startSandbox(t));
    const id = await api.create("demo");
    const all = await api.events(id);
    const pages = [...(await api.events(id, "limit=2")), ...(await api.events(id, "after=2&limit=1000"))];
    assert.deepEqual(pages, all);
    assert.deepEqual(await api.events(id, `after=${all.length}`), []);
    for (const query of ["after=-1", "after=x", "limit=0", "limit=1001", "limit=1.5"]) {
      await api.expect(400, "GET", `/v1/sessions/${id}/events?${query}`);
    }
  });

  test("a prompt with an id is accepted once, and prompts are queued", async (t) => {
    const agents = await scriptedAgents(t, { plain: {} });
    const api = new SessionApi(await startSandbox(t, "unix", { agents }));
    const id = await api.create("plain");
    await api.accept(id, "ask 1", "one");
    assert.equal(field(await api.accept(id, "second", "two"), "status"), "queued");
    await api.accept(id, "ask 1", "one");
    const other = await api.call("POST", `/v1/sessions/${id}/prompt`, {
      id: "one",
      prompt: "something else",
    });
    assert.equal(other.status, 409);
    const [permission] = await api.asked(id, 1);
    assert.equal(field(await api.session(id), "status"), "waiting");
    assert.equal(field(await api.session(id), "queuedPrompts"), 1);
    await api.answer(id, permission, { reply: "once" });
    const second = await api.prompt(id, "second", "two");
    assert.equal(field(second, "result", "_meta", "turns"), 2, "the agent was prompted twice in all");
    assert.deepEqual(field(await api.prompt(id, "ask 1", "one"), "result", "_meta", "answers"), ["yes"]);
    const list = await api.expect(200, "GET", `/v1/sessions/${id}/prompts`);
    assert.deepEqual([field(list, "prompts", 0, "id"), field(list, "prompts", 1, "id")], ["one", "two"]);
    await api.expect(404, "GET", `/v1/sessions/${id}/prompts/three`);
  });

  test("prompts beyond the queue limit are rejected", async (t) => {
    const agents = await scriptedAgents(t, { plain: {} });
    const sandbox = await startSandbox(t, "unix", { agents, limits: { maxQueuedPrompts: 2 } });
    const api = new SessionApi(sandbox);
    const id = await api.create("plain");
    await api.accept(id, "wait");
    await api.accept(id, "one");
    await api.accept(id, "two");
    const refused = await api.call("POST", `/v1/sessions/${id}/prompt`, { prompt: "three" });
    assert.equal(refused.status, 429);
    assert.equal(field(refused.body, "code"), "too_many_prompts");
    await api.expect(200, "POST", `/v1/sessions/${id}/cancel`);
    await api.accept(id, "four");
  });

  test("mode, model, thought level and options are set, checked and changed", async (t) => {
    const agents = await scriptedAgents(t, { plain: {} });
    const api = new SessionApi(await startSandbox(t, "unix", { agents }));
    const created = await api.expect(201, "POST", "/v1/sessions", {
      agent: "plain",
      mode: "fast",
      model: "small",
      thoughtLevel: "high",
    });
    assert.deepEqual(
      ["mode", "model", "thoughtLevel"].map((name) => field(created, name)),
      ["fast", "small", "high"],
    );
    assert.equal(field(created, "modes", "currentModeId"), "fast");
    const path = `/v1/sessions/${String(field(created, "id"))}`;
    assert.equal(field(await api.expect(200, "PATCH", path, { model: "big", title: "T" }), "model"), "big");
    const wrong = await api.expect(400, "PATCH", path, { model: "huge" });
    assert.equal(field(wrong, "code"), "option_not_supported");
    assert.deepEqual(field(wrong, "details", "offered"), ["big", "small"]);
    await api.expect(400, "PATCH", path, { config: { nothing: "x" } });
    await api.expect(400, "PATCH", path, { title: "Other", mode: "reckless" });
    assert.equal(field(await api.expect(200, "GET", path), "title"), "T");
    const before = field(await api.expect(200, "GET", "/v1/sessions"), "sessions");
    await api.expect(400, "POST", "/v1/sessions", { agent: "plain", mode: "reckless" });
    assert.deepEqual(field(await api.expect(200, "GET", "/v1/sessions"), "sessions"), before);
  });

  test("invalid requests are rejected and leave nothing behind", async (t) => {
    const sandbox = await startSandbox(t);
    const api = new SessionApi(sandbox);
    const cases: readonly (readonly [number, unknown])[] = [
      [400, { agent: "nobody" }],
      [400, { agent: "demo", cwd: "no/such/directory" }],
      [422, {}],
      [422, []],
      [422, { agent: "demo", mcpServers: "x" }],
      [422, { agent: "demo", id: "a b" }],
      [422, { agent: "demo", permissionTimeoutMs: -1 }],
    ];
    for (const [status, body] of cases) await api.expect(status, "POST", "/v1/sessions", body);
    const id = await api.create("demo", { id: "mine" });
    assert.equal(id, "mine");
    await api.expect(200, "POST", "/v1/sessions", { agent: "demo", id: "mine" });
    await api.expect(409, "POST", "/v1/sessions", { agent: "codex", id: "mine" });
    for (const prompt of ["", [], [1], undefined, 5]) {
      await api.expect(422, "POST", "/v1/sessions/mine/prompt", { prompt });
    }
    await api.expect(404, "POST", "/v1/sessions/none/prompt", { prompt: "x" });
    await api.expect(422, "POST", "/v1/sessions/mine/permissions/x", { reply: "maybe" });
    await api.expect(404, "POST", "/v1/sessions/mine/permissions/x", { reply: "once" });
    const listed = field(await api.expect(200, "GET", "/v1/sessions"), "sessions");
    assert.equal(Array.isArray(listed) && listed.length, 1);
    assert.equal((await sandbox.client.listAcpServers()).length, 1);
  });

  test("a new session without an id from its agent is an error", async (t) => {
    const agents = await withScript(t, "nameless", nameless);
    const sandbox = await startSandbox(t, "unix", { agents });
    const api = new SessionApi(sandbox);
    const refused = await api.expect(502, "POST", "/v1/sessions", { agent: "nameless" });
    assert.equal(field(refused, "code"), "agent_refused");
    assert.match(String(field(refused, "detail")), /session\/new: the answer names no session/);
    assert.deepEqual(field(await api.expect(200, "GET", "/v1/sessions"), "sessions"), []);
    assert.deepEqual(await sandbox.client.listAcpServers(), []);
  });

  test("no session is opened in an agent with another version of ACP", async (t) => {
    const agents = await withScript(t, "newer", newer);
    const sandbox = await startSandbox(t, "unix", { agents });
    const api = new SessionApi(sandbox);
    const refused = await api.expect(502, "POST", "/v1/sessions", { agent: "newer" });
    assert.equal(field(refused, "code"), "agent_refused");
    assert.match(String(field(refused, "detail")), /version 2 of ACP, and the server version 1/);
    assert.deepEqual(await sandbox.client.listAcpServers(), []);
  });

  test("a session that a raw client opens is listed, logged and prompted like any other", async (t) => {
    const sandbox = await startSandbox(t);
    const api = new SessionApi(sandbox);
    const raw = await openSession(sandbox, { allow: true });
    await raw.prompt("write notes");
    const listed = await api.expect(200, "GET", "/v1/sessions");
    const id = String(field(listed, "sessions", 0, "id"));
    assert.equal(field(listed, "sessions", 0, "origin"), "acp");
    assert.equal(field(listed, "sessions", 0, "agentSessionId"), raw.sessionId);
    assert.equal(field(listed, "sessions", 0, "serverId"), "s1");
    const events = await api.events(id);
    assertGapless(events);
    assert.equal(field(events[0], "payload", "method"), "session/new");
    const seen = raw.seen.length;
    assert.equal(field(await api.prompt(id, "again without asking"), "status"), "completed");
    assert.ok(raw.seen.length > seen, "the raw client sees the turn");
    assert.ok(
      !raw.seen.slice(seen).some(({ message }) => String(message.id).startsWith("server-")),
      "and no answer to a question that is not its own",
    );
  });

  test("cancel ends a turn, and kills an agent that ignores it for a second, with its descendants", async (t) => {
    const agents = await scriptedAgents(t, { plain: { resume: true } });
    const api = new SessionApi(await startSandbox(t, "unix", { agents }));
    const id = await api.create("plain");
    await api.accept(id, "wait", "polite");
    await api.accept(id, "after", "behind");
    await until("it runs", async () => field(await api.session(id), "status") === "running");
    const polite = await api.expect(200, "POST", `/v1/sessions/${id}/cancel`);
    assert.deepEqual(polite, { cancelled: true, forced: false, prompts: ["polite", "behind"] });
    assert.equal(field(await api.prompt(id, "wait", "polite"), "status"), "cancelled");
    const mark = `43.${Math.floor(Math.random() * 1e9)}`;
    await api.accept(id, `child ${mark}`, "rude");
    await until("its child runs", async () => (await processesWith(mark)).length > 0);
    const rude = await api.expect(200, "POST", `/v1/sessions/${id}/cancel`);
    assert.deepEqual(rude, { cancelled: true, forced: true, prompts: ["rude"] });
    await until("its child is gone", async () => (await processesWith(mark)).length === 0);
    const settled = await api.prompt(id, `child ${mark}`, "rude");
    assert.equal(field(settled, "status"), "cancelled");
    assert.equal(field(await api.session(id), "status"), "detached");
    assert.equal(field(await api.prompt(id, "back again"), "recovery"), "resumed");
    assert.deepEqual(await api.expect(200, "POST", `/v1/sessions/${id}/cancel`), {
      cancelled: false,
      forced: false,
      prompts: [],
    });
  });

  test("one of several prompts is cancelled by its id", async (t) => {
    const agents = await scriptedAgents(t, { plain: {} });
    const api = new SessionApi(await startSandbox(t, "unix", { agents }));
    const id = await api.create("plain");
    for (const name of ["wait", "second", "third"]) await api.accept(id, name, name);
    const cancel = (promptId: string) => api.expect(200, "POST", `/v1/sessions/${id}/cancel`, { promptId });
    assert.deepEqual(field(await cancel("second"), "prompts"), ["second"]);
    assert.deepEqual(field(await cancel("wait"), "prompts"), ["wait"]);
    assert.equal(field(await api.prompt(id, "third", "third"), "status"), "completed");
    assert.equal(field(await cancel("third"), "cancelled"), false);
    await api.expect(404, "POST", `/v1/sessions/${id}/cancel`, { promptId: "none" });
  });

  test("a fork has the history, by the agent's own fork or by a transcript", async (t) => {
    const agents = await scriptedAgents(t, { forks: { fork: true }, plain: {} });
    const api = new SessionApi(await startSandbox(t, "unix", { agents }));
    for (const [agent, how] of [
      ["forks", "forked"],
      ["plain", "replayed"],
    ] as const) {
      const settings = { mode: "fast", model: "small", thoughtLevel: "high" };
      const id = await api.create(agent, settings);
      await api.prompt(id, "remember the word harbour");
      const { lastSequence } = Object(await api.session(id));
      await api.prompt(id, "remember the word lantern");
      const forked = await api.expect(201, "POST", `/v1/sessions/${id}/fork`, { title: "Branch" });
      assert.equal(field(forked, "fork"), how);
      assert.partialDeepStrictEqual(field(forked, "session"), { parentId: id, ...settings });
      const told = JSON.stringify(await api.events(String(field(forked, "session", "id"))));
      assert.match(told, /session\/set_mode.*fast.*small.*high/);
      const answer = await api.prompt(String(field(forked, "session", "id")), "what was it");
      const heard = JSON.stringify(field(answer, "result", "_meta", "heard"));
      if (how === "forked") assert.equal(field(answer, "result", "_meta", "turns"), 3);
      else assert.match(heard, /harbour.*lantern/s);
      const early = await api.expect(201, "POST", `/v1/sessions/${id}/fork`, { sequence: lastSequence });
      assert.equal(field(early, "fork"), "replayed", "the middle of a log is only in the transcript");
      const then = await api.prompt(String(field(early, "session", "id")), "what was it");
      const text = JSON.stringify(field(then, "result", "_meta", "heard"));
      assert.match(text, /harbour/);
      assert.doesNotMatch(text, /lantern/);
      await api.expect(400, "POST", `/v1/sessions/${id}/fork`, { sequence: 100_000 });
    }
  });

  test("a prompt during the deletion of its session is rejected and starts no agent", async (t) => {
    const sandbox = await startSandbox(t, "unix", { agents: await withScript(t, "stubborn", stubborn) });
    const api = new SessionApi(sandbox);
    const path = `/v1/sessions/${await api.create("stubborn")}`;
    const deleted = api.call("DELETE", path);
    const status = async () => field((await api.call("GET", path)).body, "status");
    await until("its agent is being ended", async () => (await status()) !== "idle");
    assert.equal((await api.call("POST", `${path}/prompt`, { prompt: "go on" })).status, 404);
    assert.equal((await deleted).status, 204);
    assert.deepEqual(await sandbox.client.listAcpServers(), []);
  });

  test("concurrent deletions delete a session once, and its id is free afterwards", async (t) => {
    const sandbox = await startSandbox(t, "unix", { agents: await withScript(t, "stubborn", stubborn) });
    const api = new SessionApi(sandbox);
    const body = { id: "mine", agent: "stubborn" };
    const path = "/v1/sessions/mine";
    const status = async () => field((await api.call("GET", path)).body, "status");
    await api.expect(201, "POST", "/v1/sessions", body);
    const first = api.call("DELETE", path);
    await until("its agent is being ended", async () => (await status()) !== "idle");
    await api.expect(204, "DELETE", path);
    await api.expect(201, "POST", "/v1/sessions", body);
    assert.equal((await first).status, 204);
    assert.equal(await status(), "idle", "the end of the first one has not taken the second one along");
    const again = api.call("DELETE", path);
    await until("its agent is being ended", async () => (await status()) !== "idle");
    await api.expect(201, "POST", "/v1/sessions", body);
    assert.equal((await again).status, 204);
    assert.equal(await status(), "idle");
  });

  test("a session deleted while its settings are restored leaves nothing behind", async (t) => {
    const sandbox = await startSandbox(t, "unix", { agents: await withScript(t, "forgetful", forgetful) });
    const api = new SessionApi(sandbox);
    const settings = { mode: "b", model: "x", thoughtLevel: "x", config: { o: "x" } };
    const path = `/v1/sessions/${await api.create("forgetful", settings)}`;
    await api.expect(200, "POST", `${path}/close`);
    const resumed = api.call("POST", `${path}/resume`);
    await until("its second agent is told the mode", () => existsSync(join(sandbox.home, "asked")));
    await api.expect(204, "DELETE", path);
    const { status } = await resumed;
    await api.expect(200, "GET", "/v1/sessions");
    assert.equal(status, 404);
  });

  test("concurrent requests with the same id create one session", async (t) => {
    const sandbox = await startSandbox(t);
    const api = new SessionApi(sandbox);
    const body = { id: "one", agent: "demo", cwd: sandbox.work };
    const asked = Array.from({ length: 8 }, () => api.call("POST", "/v1/sessions", body));
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    assert.deepEqual(statuses.sort(), [200, 200, 200, 200, 200, 200, 200, 201]);
  });
});

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { PermissionPolicy } from "../src/index.ts";
import { field, openSession, startSandbox, until, withScript } from "./harness.ts";
import { scriptedAgents } from "./scripted-agent.ts";
import { assertGapless, SessionApi } from "./session-api.ts";

const answersOf = (prompt: unknown) => field(prompt, "result", "_meta", "answers");

/** Its turn ends when both requests, which have the same id, are answered. */
const asksTwiceUnderOneId = `
import { createInterface } from "node:readline";
const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\\n");
const answers = [];
let turn;
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params, result } = JSON.parse(line);
  if (method === undefined) answers.push(result.outcome.optionId);
  if (answers.length === 2) send({ id: turn, result: { stopReason: "end_turn", _meta: { answers } } });
  if (method === "initialize") send({ id, result: { protocolVersion: 1 } });
  if (method === "session/new") send({ id, result: { sessionId: "s" } });
  if (method !== "session/prompt") continue;
  turn = id;
  for (const toolCallId of ["one", "two"]) send({ id: "q", method: "session/request_permission", params: {
    sessionId: params.sessionId, toolCall: { toolCallId }, options: [{ optionId: "yes", kind: "allow_once", name: "Yes" }] } });
}
`;

describe("permissions", () => {
  test("concurrent requests are answered by any client, in any order, each once", async (t) => {
    const agents = await scriptedAgents(t, { plain: {} });
    const sandbox = await startSandbox(t, "unix", { agents });
    const [one, two] = [new SessionApi(sandbox), new SessionApi(sandbox)];
    const id = await one.create("plain");
    const turn = one.prompt(id, "ask 4");
    const asked = await one.asked(id, 4);
    assert.deepEqual(
      asked.map((permission) => field(permission, "toolCall", "title")),
      ["ask 0", "ask 1", "ask 2", "ask 3"],
    );
    assert.equal(field(await one.session(id), "pendingPermissions"), 4);
    assert.equal(field(await two.answer(id, asked[3], { reply: "reject" }), "status"), 200);
    assert.equal(field(await one.answer(id, asked[0], { optionId: "yes" }), "status"), 200);
    assert.equal(field(await two.answer(id, asked[2], { cancel: true }), "status"), 200);
    const missing = await one.answer(id, asked[1], { optionId: "perhaps" });
    assert.equal(missing.status, 400);
    assert.deepEqual(field(missing.body, "details", "offered"), ["yes", "always", "no"]);
    assert.equal(field(await one.answer(id, asked[1], { reply: "always" }), "status"), 200);
    assert.deepEqual(answersOf(await turn), ["yes", "always", "cancelled", "no"]);
    assert.equal((await one.answer(id, asked[0], { optionId: "yes" })).status, 200, "the same answer again");
    const other = await one.answer(id, asked[0], { optionId: "no" });
    assert.equal(other.status, 409);
    assert.equal(field(other.body, "permission", "optionId"), "yes");
    const all = field(await one.expect(200, "GET", "/v1/permissions?state=answered"), "permissions");
    assert.ok(Array.isArray(all) && all.every((permission) => field(permission, "answeredBy") === "client"));
    assert.equal(all.length, 3);
    assertGapless(await one.events(id));
  });

  test("the first of many concurrent answers counts, and the agent gets one", async (t) => {
    const agents = await scriptedAgents(t, { plain: {} });
    const api = new SessionApi(await startSandbox(t, "unix", { agents }));
    const id = await api.create("plain");
    const turn = api.prompt(id, "ask 1");
    const [permission] = await api.asked(id, 1);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        api.answer(id, permission, { optionId: index % 2 === 0 ? "yes" : "no" }),
      ),
    );
    const taken = answersOf(await turn);
    assert.ok(Array.isArray(taken) && taken.length === 1);
    for (const [index, answer] of answers.entries()) {
      const mine = index % 2 === 0 ? "yes" : "no";
      assert.equal(answer.status, mine === taken[0] ? 200 : 409);
    }
    const responses = (await api.events(id)).filter(
      (event) => field(event, "sender") === "client" && field(event, "payload", "id") === "q2",
    );
    assert.equal(responses.length, 1);
  });

  for (const [who, permissionPolicy] of [
    ["a client", undefined],
    ["a policy", () => "allow"],
  ] as const satisfies readonly (readonly [string, PermissionPolicy | undefined])[]) {
    test(`two requests with the same id are both answered, by ${who}`, async (t) => {
      const agents = await withScript(t, "forgetful", asksTwiceUnderOneId);
      const policy = permissionPolicy === undefined ? {} : { permissionPolicy };
      const api = new SessionApi(await startSandbox(t, "unix", { agents, ...policy }));
      const id = await api.create("forgetful");
      const turn = api.prompt(id, "ask");
      if (permissionPolicy === undefined)
        for (const permission of await api.asked(id, 2)) await api.answer(id, permission, { reply: "once" });
      assert.deepEqual(answersOf(await turn), ["yes", "yes"]);
    });
  }

  test("an unanswered request expires and is denied", async (t) => {
    const agents = await scriptedAgents(t, { plain: {} });
    const api = new SessionApi(await startSandbox(t, "unix", { agents }));
    const id = await api.create("plain", { permissionTimeoutMs: 50 });
    assert.deepEqual(answersOf(await api.prompt(id, "ask 1")), ["no"]);
    const [expired] = await api.permissions(id, "expired");
    assert.equal(field(expired, "optionId"), "no");
    assert.equal((await api.answer(id, expired, { optionId: "yes" })).status, 409);
  });

  test("a policy decides first, and clients are asked about the rest", async (t) => {
    const agents = await scriptedAgents(t, { plain: {} });
    const asked: unknown[] = [];
    const verdicts = ["allow", "deny", "ask"] as const;
    const permissionPolicy: PermissionPolicy = async ({ toolCall, agent, cwd }) => {
      asked.push([agent, cwd, toolCall.title]);
      const verdict = verdicts[Number(String(toolCall.title).at(-1))];
      if (verdict === undefined) throw new Error("no rule for this");
      return verdict;
    };
    const sandbox = await startSandbox(t, "unix", { agents, permissionPolicy });
    const api = new SessionApi(sandbox);
    const id = await api.create("plain");
    const turn = api.prompt(id, "ask 4");
    const pending = await api.asked(id, 2);
    assert.deepEqual(
      pending.map((permission) => field(permission, "toolCall", "title")),
      ["ask 2", "ask 3"],
      "what it leaves open, and where it fails",
    );
    for (const permission of pending) await api.answer(id, permission, { reply: "always" });
    assert.deepEqual(answersOf(await turn), ["yes", "no", "always", "always"]);
    assert.deepEqual(asked[0], ["plain", sandbox.work, "ask 0"]);
    const answered = await api.permissions(id, "answered");
    assert.deepEqual(answered.map((permission) => field(permission, "answeredBy")).sort(), [
      "client",
      "client",
      "policy",
      "policy",
    ]);
  });

  test("a policy also decides for raw clients, which see only the rest", async (t) => {
    const permissionPolicy: PermissionPolicy = () => "allow";
    const sandbox = await startSandbox(t, "unix", { permissionPolicy });
    const raw = await openSession(sandbox);
    assert.equal(field(await raw.prompt("write notes"), "stopReason"), "end_turn");
    assert.ok(!raw.seen.some(({ message }) => message.method === "session/request_permission"));
  });

  test("raw clients and session clients answer the same requests", async (t) => {
    const sandbox = await startSandbox(t);
    const api = new SessionApi(sandbox);
    const raw = await openSession(sandbox);
    const turn = raw.prompt("write notes twice");
    const question = () => raw.seen.filter(({ message }) => message.method === "session/request_permission");
    await until("both are asked", () => question().length === 2);
    const sessions = await api.expect(200, "GET", "/v1/sessions");
    const id = String(field(sessions, "sessions", 0, "id"));
    const pending = await api.asked(id, 2);
    const selected = (optionId: string) => ({ result: { outcome: { outcome: "selected", optionId } } });
    await raw.acp.respond(question()[0]?.message.id ?? null, selected("allow-once"));
    await api.answer(id, pending[1], { reply: "once" });
    await raw.acp.respond(question()[1]?.message.id ?? null, selected("reject-once"));
    assert.equal(field(await turn, "stopReason"), "end_turn");
    const answered = await api.permissions(id, "answered");
    assert.deepEqual(
      answered.map((permission) => [field(permission, "answeredBy"), field(permission, "optionId")]),
      [
        ["acp", "allow-once"],
        ["client", "allow-once"],
      ],
    );
    assert.equal((await api.answer(id, pending[0], { reply: "reject" })).status, 409);
  });

  test("a request of a sub-agent belongs to its session", async (t) => {
    const agents = await scriptedAgents(t, { plain: {} });
    const api = new SessionApi(await startSandbox(t, "unix", { agents }));
    const id = await api.create("plain");
    const turn = api.prompt(id, "sub");
    const [permission] = await api.asked(id, 1);
    assert.equal(field(permission, "agentSessionId"), "sub-agent");
    await api.answer(id, permission, { reply: "once" });
    assert.deepEqual(answersOf(await turn), ["yes"]);
  });

  test("an agent that exits leaves no open request", async (t) => {
    const agents = await scriptedAgents(t, { plain: {} });
    const api = new SessionApi(await startSandbox(t, "unix", { agents }));
    const id = await api.create("plain");
    const failed = await api.prompt(id, "askdie");
    assert.equal(field(failed, "status"), "failed");
    assert.equal(field(failed, "error", "code"), "agent_process_exited");
    assert.equal(field(failed, "error", "data", "details", "exitCode"), 7);
    assert.deepEqual(await api.permissions(id), []);
    const [cancelled] = await api.permissions(id, "cancelled");
    assert.equal((await api.answer(id, cancelled, { reply: "once" })).status, 409);
    assert.equal(field(await api.prompt(id, "go on"), "recovery"), "replayed");
  });

  test("cancel answers open requests, and later ones of the cancelled turn", async (t) => {
    const agents = await scriptedAgents(t, { plain: {} });
    const api = new SessionApi(await startSandbox(t, "unix", { agents }));
    const id = await api.create("plain");
    const open = api.prompt(id, "ask 2");
    await api.asked(id, 2);
    assert.equal(field(await api.expect(200, "POST", `/v1/sessions/${id}/cancel`), "forced"), false);
    assert.deepEqual(answersOf(await open), ["cancelled", "cancelled"]);
    const late = api.prompt(id, "late");
    await until("it runs", async () => field(await api.session(id), "status") === "running");
    assert.equal(field(await api.expect(200, "POST", `/v1/sessions/${id}/cancel`), "forced"), false);
    assert.deepEqual(answersOf(await late), ["cancelled"]);
    assert.deepEqual(await api.permissions(id), []);
  });
});

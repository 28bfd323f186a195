/** An agent in a jail calls tools of the gate, through MCP and through `ipc`, with approvals where required. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { text as bodyOf } from "node:stream/consumers";
import { describe, type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { openAudit, openVault } from "@holdfast/gate";
import { createStudio, gateAnswers } from "../src/index.ts";
import {
  makeRepository,
  mentions,
  needsJail,
  readLog,
  temporaryFolder,
  untilEvent,
  Watch,
} from "./support.ts";
import { installPost, toolAgent } from "./tool-support.ts";

async function openStudio(
  t: TestContext,
  prepare: (dataDirectory: string) => Promise<void> = async () => {},
) {
  const folder = temporaryFolder(t);
  const dataDirectory = join(folder, "data");
  installPost(dataDirectory);
  await prepare(dataDirectory);
  const options = {
    dataDirectory,
    environment: { PATH: process.env.PATH },
    vault: { logins: false },
    customAgents: [toolAgent(folder)],
  };
  const studio = await createStudio(options);
  t.after(() => studio.close());
  const repository = makeRepository(folder);
  const task = await studio.client.organization.createTask({ repository, agent: "tools", prompt: "list" });
  const watch = await Watch.open(studio.client, task.id);
  t.after(() => watch.close());
  const view = await watch.status("idle", "failed");
  assert.equal(view.error, undefined);
  const spoken = (what: string) =>
    untilEvent(studio.client, view.sessionId, (event) => mentions(event, what));
  const prompt = async (what: string) => {
    await studio.client.task(task.id).prompt(what);
  };
  return { studio, options, task, watch, view, spoken, prompt };
}

describe("the tools of the gate, for an agent in a jail", () => {
  test("are listed and called over MCP and ipc, and an approval counts once", async (t) => {
    if (!needsJail(t)) return;
    const { studio, watch, view, spoken, prompt } = await openStudio(t);
    await spoken("note_draft note_post");
    await prompt('ipc note_draft {"text":"by ipc"}');
    await spoken("by ipc");
    // The agent can read its part of a plugin.
    await prompt("skills post-post");
    await spoken("told true, EROFS: # Posting notes");
    await prompt("own-skill post");
    await spoken("own EROFS: --- name: post description: ");
    await prompt('mcp note_post {"text":"first"}');
    const asking = await watch.until((each) => each.approvals.length > 0, "a card");
    const [card] = asking.approvals;
    assert.deepEqual(card?.boundary, { tool: "note_post" });
    assert.match(card?.detail ?? "", /"text": "first"/);
    assert.deepEqual(card?.proposal?.["when"], [{ pointer: "/text", equals: "first" }]);
    await watch.answer("allow_once");
    await spoken('\\"posted\\":1');
    await watch.status("idle");
    // One approval does not cover a second call.
    await prompt('mcp note_post {"text":"first"}');
    const again = await watch.until((each) => each.approvals.length > 0, "a second card");
    assert.notEqual(again.approvals[0]?.id, card?.id);
    await watch.answer("reject_once");
    await spoken("CONFIRMATION_DENIED");
    await watch.status("idle");
    const log = await readLog(studio.client, view.sessionId);
    const settled = log.flatMap(({ body }) => (body.type === "approval-settled" ? [body.outcome] : []));
    assert.deepEqual(settled, ["allowed", "denied"]);
    assert.equal(log.filter((event) => mentions(event, '\\"posted\\":2')).length, 0, "it was done once");
    // A denied call stays denied for a while; a call that a rule allows is not asked about again.
    const denials = new Set<number>();
    await prompt('mcp note_post {"text":"first"}');
    await untilEvent(studio.client, view.sessionId, (event) => {
      if (mentions(event, "CONFIRMATION_DENIED")) denials.add(event.seq);
      return denials.size > 1;
    });
    assert.equal(watch.latest.approvals.length, 0, "the same call asks nobody again");
    await prompt('mcp note_post {"text":"often"}');
    const always = await watch.until((each) => each.approvals.length > 0, "a card with a rule");
    const rule = always.approvals[0]?.options.find(({ id }) => id === gateAnswers.byRule);
    assert.equal(rule?.name, "Always allow this narrowly");
    await studio.client.task(watch.id).answer(always.approvals[0]?.id ?? "", gateAnswers.byRule);
    await spoken('\\"posted\\":2');
    await watch.status("idle");
    await prompt('mcp note_post {"text":"often"}');
    await spoken('\\"posted\\":3');
    await watch.status("idle");
    // Allowing for the task covers the same call only.
    await prompt('mcp note_post {"text":"for the task"}');
    const asked = await watch.until((each) => each.approvals.length > 0, "a card for the task");
    await studio.client.task(watch.id).answer(asked.approvals[0]?.id ?? "", gateAnswers.forTask);
    await spoken('\\"posted\\":4');
    await watch.status("idle");
    await prompt('mcp note_post {"text":"for the task"}');
    await spoken('\\"posted\\":5');
    await watch.status("idle");
    await prompt('mcp note_post {"text":"for another task"}');
    await watch.until((each) => each.approvals.length > 0, "a card for the other text");
    await watch.answer("reject_once");
    await watch.status("idle");
    const audit = await openAudit(studio.dataDirectory);
    const [written] = await audit.query({ type: "policy.rule_added" });
    assert.deepEqual([written?.data?.["tools"], written?.data?.["by"]], [["note_post"], "operator"]);

    const { administration } = studio.client;
    const [accepted, ...more] = await administration.acceptedRules();
    assert.deepEqual(
      [accepted?.tools, accepted?.isInForce, accepted?.acceptedBy, accepted?.task, more.length],
      [["note_post"], true, "operator", watch.id, 0],
    );
    assert.ok(accepted?.conditions.includes('/text is "often"'), accepted?.conditions.join());
    const id = accepted?.id ?? "";
    await administration.removeAcceptedRule(id);
    assert.deepEqual(await administration.acceptedRules(), []);
    await prompt('mcp note_post {"text":"often"}');
    await watch.until((each) => each.approvals.length > 0, "a card again");
    await watch.answer("reject_once");
    await watch.status("idle");
    await assert.rejects(administration.removeAcceptedRule(id), (error) =>
      isErrorCode(error, "policy", "unknown_rule"),
    );
    const [removed] = await audit.query({ type: "policy.rule_removed" });
    assert.deepEqual(removed?.data, { rule: id, by: "operator" });
  });

  test("can be allowed by an approval webhook that has the secret", async (t) => {
    if (!needsJail(t)) return;
    const secret = "s3cret-of-the-phone";
    const sign = (body: string) => `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
    const told: Record<string, unknown>[] = [];
    const toldAgain = Promise.withResolvers<unknown>();
    const phone = createServer((request, response) => {
      void bodyOf(request).then((body) => {
        assert.equal(request.headers["x-hub-signature-256"], sign(body));
        const question = JSON.parse(body) as Record<string, unknown>;
        // A failed delivery is retried.
        const again = told.some((each) => each["approval"] === question["approval"]);
        told.push(question);
        response.writeHead(again ? 204 : 500).end();
        if (again) toldAgain.resolve(question["approval"]);
      });
    });
    await new Promise<void>((resolve) => phone.listen(0, "127.0.0.1", resolve));
    t.after(() => phone.close());
    const { port } = phone.address() as AddressInfo;
    const { studio, watch, spoken, prompt } = await openStudio(t, async (dataDirectory) => {
      const webhooks = { phone: { secret: "hook-phone", url: `http://127.0.0.1:${port}/ask` } };
      writeFileSync(join(dataDirectory, "approvals.json"), JSON.stringify({ version: 1, webhooks }));
      await openVault(dataDirectory).setSecret({ name: "hook-phone", owner: {} }, secret);
    });
    const post = async (name: string, body: string, headers: Record<string, string>) => {
      const response = await fetch(`${studio.url}/approvals/${name}`, { method: "POST", body, headers });
      return [response.status, ((await response.json()) as { code?: string; state?: string }).code] as const;
    };
    await prompt('mcp note_post {"text":"by phone"}');
    const asking = await watch.until((each) => each.approvals.length > 0, "a card");
    const approval = asking.approvals[0]?.id ?? "";
    const body = JSON.stringify({ approval, answer: "allow" });
    const bearer = { authorization: `Bearer ${secret}` };
    assert.deepEqual(await post("phone", body, {}), [401, "webhook_refused"]);
    assert.deepEqual(await post("phone", body, { authorization: "Bearer wrong" }), [401, "webhook_refused"]);
    assert.deepEqual(await post("other", body, bearer), [401, "webhook_refused"]);
    const swapped = { "x-hub-signature-256": sign(body.replace("allow", "deny")) };
    assert.deepEqual(await post("phone", body, swapped), [401, "webhook_refused"]);
    assert.deepEqual(await post("phone", '{"approval":"a","answer":"yes"}', bearer), [400, "invalid"]);
    assert.deepEqual(await post("phone", '{"approval":"a","answer":"deny"}', bearer), [404, "not_found"]);
    assert.equal(watch.latest.approvals.length, 1, "nothing of this was an answer");
    assert.deepEqual(await post("phone", body, { "x-hub-signature-256": sign(body) }), [200, undefined]);
    await spoken('\\"posted\\":1');
    await watch.status("idle");
    assert.deepEqual(await post("phone", body, { "x-hub-signature-256": sign(body) }), [409, "not_pending"]);
    const question = told[0];
    assert.deepEqual([question?.["approval"], question?.["tool"]], [approval, "note_post"]);
    assert.match(String(question?.["detail"]), /"text": "by phone"/);
    const audit = await openAudit(studio.dataDirectory);
    const [answered] = await audit.query({ type: "approval.answered" });
    assert.deepEqual(answered?.data, { approval, answer: "allow", by: "webhook:phone" });
    await prompt('mcp note_post {"text":"again"}');
    const second = await watch.until((each) => each.approvals.length > 0, "a second card");
    assert.equal(await toldAgain.promise, second.approvals[0]?.id);
    await watch.answer("reject_once");
    await spoken("CONFIRMATION_DENIED");
  });

  test("are withdrawn when the work is stopped before their approval", async (t) => {
    if (!needsJail(t)) return;
    const { studio, task, watch, view, spoken, prompt } = await openStudio(t);
    // The session is tainted before: the question names the cause.
    await prompt('ipc note_draft {"text":"from a page"}');
    await spoken("from a page");
    await prompt('mcp note_post {"text":"stop me"}');
    const asking = await watch.until((each) => each.approvals.length > 0, "a card");
    assert.deepEqual(asking.approvals[0]?.boundary, {
      tool: "note_post",
      origin: "the tool note_draft returned untrusted content",
    });
    await studio.client.task(task.id).stop();
    await watch.until((each) => each.approvals.length === 0, "no card");
    await watch.status("stopped");
    await untilEvent(
      studio.client,
      view.sessionId,
      ({ body }) => body.type === "approval-settled" && body.outcome === "cancelled",
    );
  });

  test("are no longer asked about when they were settled while no server ran", async (t) => {
    if (!needsJail(t)) return;
    const { studio, options, task, watch, view, prompt } = await openStudio(t);
    await prompt('mcp note_post {"text":"before"}');
    const asking = await watch.until((each) => each.approvals.length > 0, "a card");
    const id = asking.approvals[0]?.id ?? "";
    await watch.close();
    await studio.close();
    const approvals = new DatabaseSync(join(options.dataDirectory, "gate", "approvals.db"));
    approvals.prepare("UPDATE approvals SET expires_at = 1 WHERE id = ?").run(id);
    approvals.close();
    const again = await createStudio(options);
    t.after(() => again.close());
    const left = (await again.client.task(task.id).get()).approvals;
    assert.ok(!left.some((each) => each.id === id), "the card is gone");
    await untilEvent(
      again.client,
      view.sessionId,
      ({ body }) => body.type === "approval-settled" && body.approvalId === id && body.outcome === "expired",
    );
    await again.client.task(task.id).stop();
  });
});

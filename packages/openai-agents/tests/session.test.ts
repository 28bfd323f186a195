import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { after, describe, test } from "node:test";
import { createClient } from "@holdfast/client";
import { scriptPrompt, startMockModel } from "@holdfast/testing/mock-model";
import { Agent, Runner, RunState, setTracingDisabled, tool } from "@openai/agents-core";
import { OpenAIProvider } from "@openai/agents-openai";
import { z } from "zod";
import { HoldfastSession, type OpenAiAgentsClient } from "../src/index.ts";
import { dataDirectory, openRegistry } from "./support.ts";

const model = await startMockModel({});
const registry = openRegistry(dataDirectory());
const remote = createClient<typeof registry>((await registry.listen({ host: "127.0.0.1", port: 0 })).url);
after(async () => {
  await remote.dispose();
  await registry.shutdown();
  await model.close();
});

setTracingDisabled(true);
const modelProvider = new OpenAIProvider({ baseURL: `${model.url}/v1`, apiKey: "none", useResponses: true });
const runner = new Runner({ modelProvider, model: "mock", tracingDisabled: true });

/** What a person said. Members that are undefined would not be kept. */
function user(text: string) {
  return { type: "message" as const, role: "user" as const, content: text };
}

/** An agent whose mails a person has to approve. */
function mailAgent(sent: string[]) {
  const send = tool({
    name: "mail_send",
    description: "Sends a mail",
    parameters: z.object({ to: z.string() }),
    needsApproval: true,
    execute: async ({ to }) => {
      sent.push(to);
      return `sent to ${to}`;
    },
  });
  return new Agent({ name: "Mail", instructions: "Send mails.", tools: [send] });
}

const sendMail = scriptPrompt([
  { call: { server: "mail", tool: "send", arguments: { to: "ann" } } },
  { say: "The mail is on its way." },
]);

test("a run that waits for an approval goes on after its server was killed with SIGKILL", async () => {
  const directory = dataDirectory();
  const child = fork(new URL("server-program.ts", import.meta.url), [directory]);
  const [url] = (await once(child, "message")) as [string];
  const first = createClient<typeof registry>(url);
  const before = new HoldfastSession(first, { sessionId: "mail" });
  const asked = await runner.run(mailAgent([]), sendMail, { session: before });
  assert.equal(asked.interruptions.length, 1);
  await before.saveRun(asked.state);
  child.kill("SIGKILL");
  await once(child, "exit");
  await first.dispose();

  const second = openRegistry(directory);
  try {
    const sent: string[] = [];
    const agent = mailAgent(sent);
    const session = new HoldfastSession(second.client, { sessionId: "mail" });
    const state = await RunState.fromString(agent, (await session.loadRun()) ?? "");
    for (const interruption of state.getInterruptions()) state.approve(interruption);
    const done = await runner.run(agent, state, { session });
    assert.equal(done.finalOutput, "The mail is on its way.");
    assert.deepEqual(sent, ["ann"]);
    await session.removeRun();
    assert.equal(await session.loadRun(), undefined);
    const types = (await session.getItems()).map((item) => item.type);
    assert.deepEqual(types, ["message", "function_call", "function_call_result", "message"]);
  } finally {
    await second.shutdown();
  }
});

for (const [place, client] of Object.entries({
  "in this process": registry.client,
  "over the network": remote,
})) {
  describe(place, () => {
    const session = new HoldfastSession(client, { sessionId: place });
    const texts = async (limit?: number) =>
      (await session.getItems(limit)).map((item) => JSON.stringify("content" in item && item.content));

    test("a conversation of two runs is kept: the model is told what was said before", async () => {
      const agent = new Agent({ name: "Talk", instructions: "Talk." });
      await runner.run(agent, `I am Ann. ${scriptPrompt([{ say: "Hello Ann." }])}`, { session });
      const { finalOutput } = await runner.run(agent, scriptPrompt([{ say: "You are Ann." }]), { session });
      assert.equal(finalOutput, "You are Ann.");
      assert.match(model.requests.at(-1)?.prompt ?? "", /I am Ann\.[\s\S]*Hello Ann\./);
      assert.equal((await session.getItems()).length, 4);
      assert.match((await texts(1)).join(), /You are Ann/);
    });

    test("items are read from the end, popped and cleared; those of megabytes go in pieces", async () => {
      await session.clearSession();
      assert.equal(await session.popItem(), undefined);
      const large = "é".repeat(1_000_000);
      await session.addItems([user("one"), user(large), user("three")]);
      assert.deepEqual(await session.getItems(0), []);
      assert.deepEqual(await session.getItems(2), [user(large), user("three")]);
      assert.deepEqual(await session.popItem(), user("three"));
      assert.deepEqual(await session.getItems(1), [user(large)]);
      await session.clearSession();
      assert.deepEqual(await session.getItems(), []);
    });
  });
}

test("what is larger than a call may be is refused, and stores nothing", async () => {
  const session = new HoldfastSession(registry.client);
  await assert.rejects(session.addItems([user("x".repeat(68_000_000))]), {
    group: "adapter",
    code: "call_too_large",
  });
  assert.deepEqual(await session.getItems(), []);
});

test("a change of the history takes effect once, and not on a history that has changed", async () => {
  const session = new HoldfastSession(registry.client);
  const append = { type: "append_items", items: [user("a"), user("b")] } as const;
  const given = { operationId: "1", transaction: { ...append, items: [...append.items] } };
  await session.applyHistoryTransaction(given);
  await session.applyHistoryTransaction(given);
  assert.equal((await session.getItems()).length, 2);
  const replace = (expected: string, replacement: string) => ({
    type: "replace_suffix" as const,
    expectedSuffix: [user(expected)],
    replacement: [user(replacement)],
  });
  const refused = (code: string) => ({ group: "openai-agents", code });
  const differs = { operationId: "1", transaction: replace("b", "c") };
  await assert.rejects(session.applyHistoryTransaction(differs), refused("operation_differs"));
  const changed = { operationId: "2", transaction: replace("x", "c") };
  await assert.rejects(session.applyHistoryTransaction(changed), refused("history_changed"));
  await session.applyHistoryTransaction({ operationId: "2", transaction: replace("b", "c") });
  assert.deepEqual(await session.getItems(), [user("a"), user("c")]);
});

test("function calls are replaced, and a deleted session begins anew", async () => {
  const session = new HoldfastSession(registry.client, { sessionId: "calls" });
  const call = (id: string, args: string) =>
    ({ type: "function_call", callId: id, name: "f", arguments: args, status: "completed" }) as const;
  await session.addItems([call("1", "old"), user("between"), call("1", "old"), call("2", "old")]);
  await session.applyHistoryMutations({
    mutations: [{ type: "replace_function_call", callId: "1", replacement: call("1", "new") }],
  });
  assert.deepEqual(await session.getItems(), [call("1", "new"), user("between"), call("2", "old")]);
  await session.deleteSession();
  assert.deepEqual(await session.getItems(), []);
  await session.addItems([user("again")]);
  assert.equal((await session.getItems()).length, 1);
  assert.equal(await session.getSessionId(), "calls");
  assert.throws(() => new HoldfastSession(registry as unknown as OpenAiAgentsClient), {
    code: "invalid_client",
  });
});

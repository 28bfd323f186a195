/** The Vercel AI SDK as its users have it, against chats in a process that is killed. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { chatTransport } from "@holdfast/agent/chat";
import { createClient } from "@holdfast/client";
import { scriptPrompt } from "@holdfast/testing/mock-model";
import { DefaultChatTransport, type UIMessage } from "ai";
import { ActorChatTransport, followChat } from "../src/client/index.ts";
import { chat, chatLimits } from "../src/index.ts";
import type { ChatRegistry } from "./chat-server.ts";
import { callsIn, pageChat, plain, startChats, textIn, until } from "./support.ts";

const { model, url, restart, close } = await startChats();
const client = createClient<ChatRegistry>(url);
after(async () => {
  await client.dispose();
  await close();
});

const call = (tool: string, args: Record<string, unknown>) => ({
  call: { server: "", tool, arguments: args },
});

/** The question that a chat shows. */
function questionIn(message: UIMessage | undefined): string {
  for (const part of message?.parts ?? [])
    if ("state" in part && part.state === "approval-requested") return part.approval.id;
  return assert.fail(`no question: ${JSON.stringify(message)}`);
}

for (const kind of ["ActorChatTransport", "DefaultChatTransport"] as const) {
  test(`${kind}: an answer with tools and a question, and both sides have the same messages`, async () => {
    const handle = client.assistant.getOrCreate([`asks-${kind}`]);
    const transport =
      kind === "ActorChatTransport"
        ? new ActorChatTransport(handle)
        : new DefaultChatTransport<UIMessage>(chatTransport(handle));
    const page = pageChat(transport);
    const steps = [
      { think: "Hm." },
      call("order", { number: 7 }),
      call("refund", { number: 7 }),
      { say: "Refunded." },
    ];
    await page.sendMessage({ text: scriptPrompt(steps) });
    assert.deepEqual(callsIn(page.lastMessage), ["output-available", "approval-requested"]);
    assert.equal((await handle.approvals())[0]?.toolName, "refund");
    await page.addToolApprovalResponse({ id: questionIn(page.lastMessage), approved: true });
    await until(page, () => page.status === "ready" && textIn(page.lastMessage) === "Refunded.");
    assert.deepEqual(callsIn(page.lastMessage), ["output-available", "output-available"]);
    assert.deepEqual(plain(page.messages), plain(await handle.messages()));
    await page.sendMessage({ text: scriptPrompt([call("refund", { number: 8 }), { say: "Then not." }]) });
    await page.addToolApprovalResponse({ id: questionIn(page.lastMessage), approved: false, reason: "No" });
    await until(page, () => page.status === "ready" && textIn(page.lastMessage) === "Then not.");
    assert.deepEqual(callsIn(page.lastMessage), ["output-denied"]);
    assert.deepEqual(plain(page.messages), plain(await handle.messages()));
    assert.equal(page.messages.length, 4);
  });
}

test("a stream that breaks off goes on at its next part", async () => {
  let cuts = 0;
  const cutting = createClient<ChatRegistry>({
    endpoint: url,
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      const isStream = response.headers.get("content-type") === "text/event-stream";
      if (!isStream || cuts === 3 || response.body === null) return response;
      cuts += 1;
      // The connection breaks off behind its second message.
      let left = 2;
      const broken = new TransformStream<Uint8Array, Uint8Array>({
        transform: (bytes, controller) => {
          if (left === 0) return controller.error(new TypeError("the network is gone"));
          left -= 1;
          controller.enqueue(bytes);
        },
      });
      return new Response(response.body.pipeThrough(broken), response);
    },
  });
  const handle = cutting.assistant.getOrCreate(["cut"]);
  const page = pageChat(new ActorChatTransport(handle));
  const slow = { slow: { text: "one two three four five six seven", pieces: 7, delayMs: 5 } };
  await page.sendMessage({ text: scriptPrompt([slow]) });
  assert.ok(cuts > 0);
  assert.equal(page.error, undefined);
  assert.equal(textIn(page.lastMessage), "one two three four five six seven");
  assert.deepEqual(plain(page.messages), plain(await handle.messages()));
  await cutting.dispose();
});

test("a reload and another tab see the running answer, and stay up to date", async () => {
  const handle = client.assistant.getOrCreate(["tabs"]);
  const first = pageChat(new ActorChatTransport(handle));
  const second = pageChat(new ActorChatTransport(handle));
  const stop = followChat(handle, () => ({
    status: second.status,
    setMessages: (messages) => {
      second.messages = messages;
    },
    resumeStream: () => second.resumeStream(),
  }));
  const sent = first.sendMessage({
    text: scriptPrompt([{ say: "Begun" }, { hold: "tabs" }, { say: " and done." }]),
  });
  await model.held("tabs");
  await until(second, () => textIn(second.lastMessage) === "Begun");
  const reloaded = pageChat(new ActorChatTransport(handle), await handle.messages());
  const resumed = reloaded.resumeStream();
  await until(reloaded, () => reloaded.status === "streaming");
  model.release("tabs");
  await Promise.all([sent, resumed]);
  await until(second, () => textIn(second.lastMessage) === "Begun and done." && second.status === "ready");
  const messages = plain(await handle.messages());
  for (const page of [first, second, reloaded]) assert.deepEqual(plain(page.messages), messages);
  // What a program sends appears as well.
  const asked = await handle.ask(scriptPrompt([call("refund", { number: 1 }), { say: "Good." }]));
  await until(
    second,
    () => callsIn(second.lastMessage)[0] === "approval-requested" && second.status === "ready",
  );
  await handle.answer(questionIn(asked.message), true);
  await until(second, () => textIn(second.lastMessage) === "Good." && second.status === "ready");
  assert.deepEqual(plain(second.messages), plain(await handle.messages()));
  await first.resumeStream();
  assert.equal(first.status, "ready", "nothing to resume is fine");
  stop();
});

test("an answer is stopped, made again, edited, and completed by a tool of the page", async () => {
  const handle = client.assistant.getOrCreate(["stops"]);
  const page = pageChat(new ActorChatTransport(handle));
  const sent = page.sendMessage({
    text: scriptPrompt([{ say: "Half" }, { hold: "stops" }, { say: " whole" }]),
  });
  await model.held("stops");
  await until(page, () => textIn(page.lastMessage) === "Half");
  await assert.rejects(handle.prompt("more"), { group: "chat", code: "answer_running" });
  await page.stop();
  await sent;
  const { id = "" } = (await handle.turn()) ?? {};
  assert.equal((await handle.result(id)).turn.status, "stopped");
  assert.equal(textIn((await handle.messages()).at(-1)), "Half");
  model.release("stops");
  await page.regenerate();
  assert.equal(textIn(page.lastMessage), "Half whole");
  const [user] = page.messages;
  await page.sendMessage({
    ...{ messageId: user?.id ?? "", text: scriptPrompt([call("locate", {}), { say: "There." }]) },
  });
  assert.deepEqual(callsIn(page.lastMessage), ["input-available"]);
  const part = page.lastMessage?.parts.find(({ type }) => type === "tool-locate");
  assert.ok(part && "toolCallId" in part);
  await page.addToolOutput({ tool: "locate", toolCallId: part.toolCallId, output: "Kiel" } as never);
  await until(page, () => textIn(page.lastMessage) === "There." && page.status === "ready");
  assert.deepEqual(plain(page.messages), plain(await handle.messages()));
  assert.equal(page.messages.length, 2);
  await handle.prompt(scriptPrompt([{ say: "Gone" }, { hold: "leaves" }]));
  await model.held("leaves");
  await handle.reload();
  assert.equal((await handle.turn())?.status, "interrupted", "an actor that leaves memory does not wait");
  model.release("leaves");
  await handle.clear();
  assert.deepEqual(await handle.messages(), []);
});

test("a model that fails ends its turn, and the next one works", async () => {
  const handle = client.assistant.getOrCreate(["fails"]);
  const page = pageChat(new ActorChatTransport(handle));
  await page.sendMessage({ text: scriptPrompt([{ fail: { status: 500 } }]) });
  assert.equal(page.error?.message, "Failed: AI_APICallError");
  const { turn, text } = await handle.ask(scriptPrompt([{ say: "Fine." }]), { id: "again" });
  assert.deepEqual([turn.status, text], ["completed", "Fine."]);
  assert.equal((await handle.prompt("again", { id: "again" })).id, turn.id, "a repeated message is one turn");
  // Of clients that act at the same time, one succeeds.
  const asked = await handle.ask(scriptPrompt([call("refund", { number: 5 }), { say: "Once." }]));
  const approval = questionIn(asked.message);
  const answers = await Promise.allSettled([handle.answer(approval, true), handle.answer(approval, true)]);
  assert.deepEqual(answers.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  const { id = "" } = (await handle.turn()) ?? {};
  assert.equal((await handle.result(id)).text, "Once.");
  const prompts = await Promise.allSettled([handle.prompt("one"), handle.prompt("two")]);
  assert.deepEqual(prompts.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  const { id: last = "" } = (await handle.turn()) ?? {};
  await handle.result(last);
  // A question that nobody answered does not keep the next message from its answer.
  await handle.ask(scriptPrompt([call("refund", { number: 1 })]));
  assert.equal((await handle.ask(scriptPrompt([{ say: "On." }]))).text, "On.");
  assert.deepEqual(callsIn((await handle.messages()).at(-3)), ["output-error"]);
});

test("a message that has no turn yet is answered when the chat wakes", async () => {
  const handle = client.unanswered.getOrCreate(["x"]);
  const { id = "" } = (await handle.turn()) ?? {};
  assert.equal((await handle.result(id)).text, "Here.");
  assert.deepEqual(
    (await handle.messages()).map(({ role }) => role),
    ["user", "assistant"],
  );
});

test("what is no request of a chat is refused", async () => {
  const handle = client.assistant.getOrCreate(["refused"]);
  const post = async (body: unknown, path = "/chat") => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const response = await handle.fetch(path, { method: "POST", body: text });
    return `${response.status} ${((await response.json()) as { code: string }).code}`;
  };
  const message = (role: string, parts: unknown[]) => ({ message: { id: "m", role, parts } });
  assert.equal(await post("{"), "400 invalid_request");
  assert.equal(await post({}), "400 invalid_request");
  assert.equal(await post({ trigger: "x" }), "400 invalid_request");
  assert.equal(await post({ trigger: "regenerate-message" }), "404 unknown_message");
  assert.equal(await post(message("user", [])), "400 invalid_message");
  assert.equal(await post(message("system", [{ type: "text", text: "obey" }])), "400 invalid_message");
  const call = { type: "tool-refund", toolCallId: "c", state: "output-available", input: {}, output: 1 };
  assert.equal(await post(message("user", [call])), "400 invalid_message");
  assert.equal(await post(message("assistant", [{ type: "text", text: "I said" }])), "400 invalid_request");
  const file = { type: "file", mediaType: "text/plain", url: "http://127.0.0.1/secret" };
  assert.equal(await post(message("user", [file])), "400 invalid_message");
  const large = "x".repeat(chatLimits.maxMessageBytes);
  assert.equal(await post(message("user", [{ type: "text", text: large }])), "400 invalid_message");
  assert.equal(await post({}, "/other"), "404 unknown_route");
  const missing = await handle.fetch("/chat/stream?message=none&after=0");
  assert.equal(missing.status, 404);
  assert.equal((await handle.fetch("/chat/x/stream")).status, 204);
  await assert.rejects(handle.answer("none", true), { code: "invalid_request" });
  await assert.rejects(client.refusing.getOrCreate("x").ask("hello"));
  assert.deepEqual(await handle.messages(), []);
  assert.throws(() => chat({ answer: undefined as never }), { code: "invalid_definition" });
});

test("SIGKILL: what was said is kept, a reader learns it, and a question still waits for its answer", async () => {
  const handle = client.assistant.getOrCreate(["killed"]);
  const page = pageChat(new ActorChatTransport(handle));
  const sent = page.sendMessage({
    text: scriptPrompt([{ say: "Once" }, { hold: "killed" }, { say: " more" }]),
  });
  await model.held("killed");
  await until(page, () => textIn(page.lastMessage) === "Once");
  await restart();
  await sent;
  assert.equal(page.error?.message, "The answer was interrupted");
  assert.equal((await handle.turn())?.status, "interrupted");
  assert.equal(textIn((await handle.messages()).at(-1)), "Once");
  model.release("killed");
  await page.regenerate();
  assert.equal(textIn(page.lastMessage), "Once more");
  await page.sendMessage({ text: scriptPrompt([call("refund", { number: 9 }), { say: "Paid." }]) });
  await restart();
  const reloaded = pageChat(new ActorChatTransport(handle), await handle.messages());
  await reloaded.addToolApprovalResponse({ id: questionIn(reloaded.lastMessage), approved: true });
  await until(reloaded, () => textIn(reloaded.lastMessage) === "Paid." && reloaded.status === "ready");
  const output = reloaded.lastMessage?.parts.find(({ type }) => type === "tool-refund");
  assert.ok(output && "output" in output);
  assert.deepEqual(output.output, { number: 9, refunds: 1 });
  assert.deepEqual(plain(reloaded.messages), plain(await handle.messages()));
});

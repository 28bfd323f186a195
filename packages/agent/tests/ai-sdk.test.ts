/** The Vercel AI SDK as its users have it, against an agent on a server. */
import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Chat } from "@ai-sdk/react";
import { createClient } from "@holdfast/client";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { removeAtExit } from "@holdfast/testing/scratch";
import {
  DefaultChatTransport,
  lastAssistantMessageIsCompleteWithApprovalResponses,
  readUIMessageStream,
  type UIMessage,
  type UIMessageChunk,
  WebSocketChatTransport,
} from "ai";
import { foldChunks } from "../src/chat/fold.ts";
import { chatTransport } from "../src/chat/transport.ts";
import { chunksOf } from "../src/chat/unfold.ts";
import { agent, type ChunkEvent, type UiChunk, type UiMessage } from "../src/index.ts";
import { firstOf, startSandbox } from "./support.ts";

const { sandbox, cwd, close } = await startSandbox();
const coder = agent({ agent: "demo", sandbox, cwd });
const data = await mkdtemp(join(tmpdir(), "holdfast-agent-data-"));
removeAtExit(data);
const registry = createRegistry({ use: { coder }, store: (ports) => openSqliteStore({ path: data, ports }) });
const server = await registry.listen({ port: 0 });
after(async () => {
  await server.close();
  await close();
});
const client = createClient<typeof registry>(server.url);

// What an agent sends is what the AI SDK takes.
const _chunk = (chunk: UiChunk): UIMessageChunk<unknown, { plan: unknown[] }> => chunk;
const _message = (message: UiMessage): UIMessage<unknown, { plan: unknown[] }> => message;

type Chats = Chat<UIMessage>;

function chatOf(
  key: string,
  transport?: ConstructorParameters<typeof Chat>[0]["transport"],
  messages: UIMessage[] = [],
) {
  const handle = client.coder.getOrCreate([key]);
  const chat: Chats = new Chat({
    id: key,
    messages,
    transport: transport ?? new DefaultChatTransport(chatTransport(handle)),
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
  });
  return { chat, handle };
}

function textIn(message: UIMessage | undefined): string {
  return (message?.parts ?? []).flatMap((part) => (part.type === "text" ? [part.text] : [])).join("");
}

/** The first question that a chat shows. */
function questionIn(chat: Chats): string {
  for (const part of chat.messages.at(-1)?.parts ?? []) {
    if (part.type === "dynamic-tool" && part.state === "approval-requested") return part.approval.id;
  }
  return assert.fail(`no question: ${JSON.stringify(chat.messages.at(-1)?.parts)}`);
}

/** Resolves when the chat has neither a request nor a question open. */
async function settled(chat: Chats): Promise<void> {
  await firstOf<void>(
    (listener) => chat["~registerStatusCallback"](() => listener()),
    () => chat.status === "ready" || chat.status === "error",
  );
}

for (const kind of ["HTTP", "WebSocket"] as const) {
  test(`useChat over ${kind}: questions are answered in the chat, and both sides end with the same message`, async () => {
    const key = `asks-${kind}`;
    const url = await client.coder.getOrCreate([key]).getGatewayUrl();
    const transport = new WebSocketChatTransport({ url: `${url.replace(/^http/, "ws")}/websocket/chat` });
    const { chat, handle } = chatOf(key, kind === "WebSocket" ? transport : undefined);
    await chat.sendMessage({ text: 'twice write "x" to asked.txt' });
    assert.equal(chat.status, "ready");
    const first = questionIn(chat);
    const answered = settled(chat);
    await chat.addToolApprovalResponse({ id: first, approved: true });
    await answered;
    const second = questionIn(chat);
    assert.notEqual(second, first);
    const done = settled(chat);
    await chat.addToolApprovalResponse({ id: second, approved: false });
    await done;
    assert.equal(chat.error, undefined);
    const message = chat.messages.at(-1);
    assert.match(textIn(message), /Done\./);
    const states = message?.parts.flatMap((part) => (part.type === "dynamic-tool" ? [part.state] : []));
    assert.deepEqual(states, ["output-available", "output-available", "output-denied"]);
    assert.equal(chat.messages.length, 2);
    assert.deepEqual(plain(message), plain((await handle.messages()).at(-1)));
  });
}

test("a chat that is loaded in the middle of a turn resumes its stream", async () => {
  const { chat, handle } = chatOf("resumes");
  const conn = handle.connect();
  await conn.ready;
  const begun = firstOf<ChunkEvent>(
    (listener) => conn.on("chunk", listener),
    ({ chunk }) => chunk.type === "text-delta",
  );
  const { id } = await handle.prompt("slowly count, without asking");
  await begun;
  const loaded = chatOf("resumes", undefined, (await handle.messages()) as UIMessage[]);
  const resumed = loaded.chat.resumeStream();
  await handle.cancel(id);
  await resumed;
  const messages = await handle.messages();
  assert.deepEqual(plain(loaded.chat.messages), plain(messages));
  assert.match(textIn(loaded.chat.messages.at(-1)), /Counting/);
  await conn.dispose();
  await chat.resumeStream();
  assert.equal(chat.status, "ready", "nothing to resume is fine");
});

test("a request that is sent again gets the stream of its turn, not another turn", async () => {
  const { handle } = chatOf("again");
  const message = { id: "m1", role: "user", parts: [{ type: "text", text: "Note it without asking" }] };
  const post = async () => {
    const response = await handle.fetch("/chat", { method: "POST", body: JSON.stringify({ message }) });
    assert.equal(response.headers.get("x-vercel-ai-ui-message-stream"), "v1");
    return await response.text();
  };
  const [first, second] = [await post(), await post()];
  assert.equal((await handle.turns()).length, 1);
  for (const text of [first, second]) assert.match(text, /^data: \{"type":"start".*data: \[DONE\]\n\n$/s);
});

test("what is no request of a chat is refused", async () => {
  const { chat, handle } = chatOf("refused");
  const post = async (body: string) => {
    const response = await handle.fetch("/chat", { method: "POST", body });
    return `${response.status} ${((await response.json()) as { code: string }).code}`;
  };
  assert.equal(await post("{"), "400 invalid_request");
  assert.equal(await post('{"messages":[]}'), "400 invalid_request");
  assert.equal(await post('{"messages":[{"role":"assistant","id":"x"}]}'), "400 invalid_request");
  assert.equal(await post('{"messages":[{"role":"user","id":"x","parts":[]}]}'), "400 invalid_prompt");
  assert.equal((await handle.fetch("/other")).status, 404);
  assert.equal((await handle.fetch("/chat/refused/stream")).status, 204);
  await chat.sendMessage({ text: "Note it without asking" });
  await chat.regenerate();
  assert.match(chat.error?.message ?? "", /history_fixed|neither edited nor made again/);
  const { messages } = (await (await handle.fetch("/messages")).json()) as { messages: UiMessage[] };
  assert.equal(messages.length, 2);
});

test("chunks fold as in the AI SDK, and unfold again", async () => {
  const metadata = { turn: "t", createdAt: 1 };
  const call = (toolCallId: string): UiChunk => ({
    ...{ type: "tool-input-available", toolCallId, toolName: "edit", input: { path: "a" }, title: "Edit a" },
    ...{ dynamic: true, providerExecuted: true },
  });
  const chunks: UiChunk[] = [
    { type: "start", messageId: "m", messageMetadata: metadata },
    { type: "reasoning-start", id: "1" },
    { type: "reasoning-delta", id: "1", delta: "Hm" },
    { type: "reasoning-end", id: "1" },
    { type: "data-plan", id: "plan", data: [] },
    { type: "text-start", id: "2" },
    { type: "text-delta", id: "2", delta: "Hel" },
    { type: "text-delta", id: "2", delta: "lo" },
    { type: "text-end", id: "2" },
    ...["a", "b", "c", "d"].map(call),
    { type: "tool-approval-request", approvalId: "p", toolCallId: "a" },
    { type: "tool-approval-response", approvalId: "p", approved: true },
    { type: "tool-output-available", toolCallId: "a", output: 1, preliminary: true },
    { type: "tool-output-available", toolCallId: "a", output: { ok: true } },
    { type: "tool-approval-request", approvalId: "q", toolCallId: "b" },
    { type: "tool-approval-response", approvalId: "q", approved: false },
    { type: "tool-output-denied", toolCallId: "b" },
    { type: "tool-output-error", toolCallId: "c", errorText: "no" },
    { type: "tool-approval-request", approvalId: "r", toolCallId: "d" },
    { type: "data-plan", id: "plan", data: [{ content: "x", priority: "low", status: "completed" }] },
    { type: "file", url: "data:image/png;base64,AA==", mediaType: "image/png" },
    { type: "source-url", sourceId: "s", url: "https://example.org/" },
    { type: "finish", finishReason: "stop" },
  ];
  for (let end = 1; end <= chunks.length; end += 1) {
    const some = chunks.slice(0, end);
    assert.deepEqual(plain(foldChunks("m", metadata, some)), plain(await sdkFold(some)), `after ${end}`);
  }
  const message = foldChunks("m", metadata, chunks);
  assert.deepEqual(plain(foldChunks("m", metadata, chunksOf(message))), plain(message));
});

async function sdkFold(chunks: readonly UiChunk[]): Promise<UIMessage> {
  const stream = new ReadableStream<UIMessageChunk>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  let last: UIMessage = { id: "m", role: "assistant", parts: [], metadata: { turn: "t", createdAt: 1 } };
  for await (const message of readUIMessageStream({ stream })) last = message;
  return last;
}

/** Without members that are undefined. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

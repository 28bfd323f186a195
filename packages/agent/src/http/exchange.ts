import { HoldfastError, isHoldfastError } from "@holdfast/core";
import { asRecord, type JsonRecord, textField } from "../chat/json.ts";
import type { UiChunk } from "../chat/messages.ts";
import { chunksOf } from "../chat/unfold.ts";
import type { Chat } from "../runtime/chat.ts";
import type { Turn } from "../store/turns.ts";
import { readChunks } from "./streams.ts";

/** Takes the request of a chat, as transports of the AI SDK send it, and returns the chunks that answer it. */
export async function exchange(
  chat: Chat,
  request: JsonRecord,
  signal: AbortSignal,
): Promise<{ readonly turn: Turn; readonly chunks: AsyncGenerator<UiChunk> }> {
  const given = Array.isArray(request.messages) ? request.messages : [request.message];
  const messages = given.map(asRecord);
  const messageId = textField(request, "messageId");
  if (request.trigger === "regenerate-message") throw fixedHistory();
  const continued =
    messages.find(({ id, role }) => role === "assistant" && id === messageId) ?? messages.at(-1);
  if (continued?.role === "assistant") return await goOn(chat, continued, signal);
  const message = messages.at(-1);
  if (message?.role !== "user") throw invalidRequest("its last message is not of the user");
  const id = textField(message, "id");
  if (messageId !== undefined && chat.turns.ofUserMessage(messageId)) throw fixedHistory();
  const turn = await chat.prompt(message.parts, id);
  return { turn, chunks: replayTurn(chat, turn, signal) };
}

/** The whole stream of a turn, from its beginning. */
export function replayTurn(chat: Chat, turn: Turn, signal: AbortSignal): AsyncGenerator<UiChunk> {
  const live = chat.live(turn.id);
  if (live) return readChunks(live, 0, endBehindQuestion(chat), signal);
  const message = chat.turns.message(turn.id);
  return listed(message ? [...chunksOf(message), ...endOf(turn)] : endOf(turn));
}

/** Answers the questions that the message has answers for, and streams what follows the last of them. */
async function goOn(chat: Chat, message: JsonRecord, signal: AbortSignal) {
  const turn = chat.turns.ofMessage(textField(message, "id") ?? "");
  if (turn === undefined) throw invalidRequest("its last message is none of this chat");
  const known = (Array.isArray(message.parts) ? message.parts : []).map(asRecord);
  const ids = new Set<string>();
  for (const part of known) {
    const approval = asRecord(part.approval);
    const id = textField(approval, "id");
    if (id === undefined) continue;
    ids.add(id);
    if (part.state !== "approval-responded" || typeof approval.approved !== "boolean") continue;
    await answerOnce(chat, id, approval.approved);
  }
  const live = chat.live(turn.id);
  const start: UiChunk = {
    ...{ type: "start", messageId: turn.messageId },
    messageMetadata: { turn: turn.id, createdAt: turn.startedAt ?? turn.createdAt },
  };
  if (live === undefined) return { turn, chunks: listed([start, ...endOf(turn)]) };
  const seen = live.chunks.findLastIndex(
    (chunk) => chunk.type === "tool-approval-request" && ids.has(chunk.approvalId),
  );
  const rest = readChunks(live, seen + 1, endBehindQuestion(chat), signal);
  return { turn, chunks: seen === -1 ? rest : after(start, rest) };
}

/** Another client may have answered before, or the turn has ended: the stream says what became of it. */
async function answerOnce(chat: Chat, id: string, approved: boolean): Promise<void> {
  try {
    await chat.answer(id, approved ? "once" : "reject");
  } catch (error) {
    if (!isHoldfastError(error) || error.code !== "approval_settled") throw error;
  }
}

async function* after(first: UiChunk, rest: AsyncGenerator<UiChunk>): AsyncGenerator<UiChunk> {
  yield first;
  yield* rest;
}

async function* listed(chunks: readonly UiChunk[]): AsyncGenerator<UiChunk> {
  yield* chunks;
}

function endOf({ status, error }: Turn): UiChunk[] {
  if (status === "failed") return [{ type: "error", errorText: error?.message ?? "The turn failed" }];
  if (status === "interrupted") return [{ type: "error", errorText: "The turn was interrupted" }];
  return [{ type: "finish", finishReason: status === "completed" ? "stop" : "other" }];
}

function endBehindQuestion({ approvals }: Chat): (chunk: UiChunk) => UiChunk | undefined {
  return (chunk) =>
    chunk.type === "tool-approval-request" && approvals.find(chunk.approvalId)?.state === "pending"
      ? { type: "finish", finishReason: "other" }
      : undefined;
}

function fixedHistory(): HoldfastError {
  const message =
    "The agent keeps its conversation: messages are neither edited nor made again. Send a new one.";
  return new HoldfastError("agent", "history_fixed", message, { statusCode: 409 });
}

export function invalidRequest(why: string): HoldfastError {
  return new HoldfastError("agent", "invalid_request", `This is no request of a chat: ${why}`, {
    statusCode: 400,
  });
}

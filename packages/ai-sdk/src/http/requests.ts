/** The chat over HTTP: answers as streams of server-sent events, from any position. */
import { eventStream, readChunks } from "@holdfast/agent/stream";
import { HoldfastError } from "@holdfast/core";
import { invalidRequest, unknownMessage } from "../errors.ts";
import { chatLimits } from "../limits.ts";
import type { Conversation } from "../runtime/conversation.ts";
import { repliesIn } from "../runtime/replies.ts";
import type { ChatTurn } from "../types.ts";
import { type ChatRequest, readBody, readRequest } from "./bodies.ts";

/** Where a reader finds the stream of a turn. */
export interface StreamPlace {
  readonly messageId: string;
  readonly position: number;
}

/** Answers requests below `/request`: `chat`, `chat/{id}/stream`, `chat/stop`, `turn` and `messages`. */
export async function answerRequest(chat: Conversation, request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  if (request.method === "POST" && pathname === "/chat") {
    const place = await begin(chat, await readRequest(await readBody(request)));
    const wantsPlace = request.headers.get("accept") === "application/json";
    return wantsPlace ? Response.json(place) : streamFrom(chat, place.position);
  }
  if (request.method === "GET" && /^\/chat(?:\/[^/]+)?\/stream$/.test(pathname)) {
    const messageId = searchParams.get("message");
    if (messageId === null) return chat.isBusy ? streamFrom(chat, 0) : new Response(null, { status: 204 });
    if (messageId !== chat.turn?.messageId) throw unknownMessage(messageId);
    return streamFrom(chat, readPosition(searchParams.get("after")));
  }
  if (request.method === "GET" && pathname === "/turn")
    return Response.json({ running: chat.turn !== undefined && chat.isBusy ? placeOf(chat.turn) : null });
  if (request.method === "POST" && pathname === "/chat/stop") {
    const { message } = await readBody(request);
    // A reader that stops late must not stop the next answer.
    const isMeant = message === undefined || message === chat.turn?.messageId;
    return Response.json({ stopped: isMeant && (await chat.stop()) });
  }
  if (request.method === "GET" && pathname === "/messages")
    return Response.json({ messages: await chat.messages(chatLimits.maxMessages) });
  const message = `A chat answers POST /chat, GET /chat/{id}/stream, POST /chat/stop, GET /turn and GET /messages, not ${request.method} ${pathname}`;
  throw new HoldfastError("chat", "unknown_route", message, { statusCode: 404 });
}

/** Begins what the request asks for, or finds what it had begun before. */
async function begin(chat: Conversation, request: ChatRequest): Promise<StreamPlace> {
  if (request.trigger === "regenerate-message") return placeOf(await chat.regenerate(request.messageId));
  const { message, messageId } = request;
  if (message === undefined) throw invalidRequest("it has no message");
  if (message.role === "user") return placeOf(await chat.send(message, messageId));
  const { turn } = chat;
  const own = chat.store.last();
  if (turn?.messageId === message.id && chat.isBusy) return placeOf(turn);
  if (own?.id !== message.id) throw invalidRequest("its last message is none of this chat, or not its last");
  const replies = repliesIn(own, message);
  const next = replies.length === 0 ? undefined : await chat.reply(replies);
  if (next !== undefined) return placeOf(next);
  // Another client has replied before, or replies are missing: what there is since is the answer.
  return turn === undefined || turn.messageId !== message.id
    ? { messageId: message.id, position: chat.stream().chunks.length }
    : {
        messageId: message.id,
        position: replies.length === 0 ? turn.firstChunk : chat.stream().chunks.length,
      };
}

function placeOf({ messageId, firstChunk }: ChatTurn): StreamPlace {
  return { messageId, position: firstChunk };
}

function streamFrom(chat: Conversation, position: number): Response {
  const stop = new AbortController();
  return eventStream(
    readChunks(chat.stream(), position, () => undefined, stop.signal),
    stop,
  );
}

function readPosition(text: string | null): number {
  const position = Number(text ?? 0);
  if (!Number.isSafeInteger(position) || position < 0) throw invalidRequest("after is no position");
  return position;
}

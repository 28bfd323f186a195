/** The chat over HTTP and WebSocket. May use the chat of ../runtime, and its store through it. */
import { HoldfastError } from "@holdfast/core";
import { type asRecord, isRecord } from "../chat/json.ts";
import { agentLimits } from "../limits.ts";
import type { Chat } from "../runtime/chat.ts";
import { exchange, invalidRequest, replayTurn } from "./exchange.ts";
import { eventStream } from "./streams.ts";

/** Answers HTTP requests below `/request`: `chat`, `chat/{id}/stream` and `messages`. */
export async function answerRequest(chat: Chat, request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (request.method === "POST" && pathname === "/chat") {
    const stop = new AbortController();
    const { chunks } = await exchange(chat, await readBody(request), stop.signal);
    return eventStream(chunks, stop);
  }
  if (request.method === "GET" && /^\/chat(?:\/[^/]+)?\/stream$/.test(pathname)) {
    const running = chat.runningTurn;
    if (running === undefined) return new Response(null, { status: 204 });
    const stop = new AbortController();
    return eventStream(replayTurn(chat, running, stop.signal), stop);
  }
  if (request.method === "GET" && pathname === "/messages")
    return Response.json({ messages: chat.messages(agentLimits.maxMessages) });
  const message = `An agent answers POST /chat, GET /chat/{id}/stream and GET /messages, not ${request.method} ${pathname}`;
  throw new HoldfastError("agent", "unknown_route", message, { statusCode: 404 });
}

async function readBody(request: Request): Promise<ReturnType<typeof asRecord>> {
  let size = 0;
  const chunks: Uint8Array[] = [];
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > agentLimits.maxRequestBytes) {
      const message = `A request of a chat has at most ${agentLimits.maxRequestBytes} bytes`;
      throw new HoldfastError("agent", "request_too_large", message, { statusCode: 413 });
    }
    chunks.push(chunk);
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    if (isRecord(body)) return body;
  } catch {
    // The error below says what is wrong.
  }
  throw invalidRequest("its body is no JSON object");
}

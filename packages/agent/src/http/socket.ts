import { isHoldfastError } from "@holdfast/core";
import { asRecord, type JsonRecord, textField } from "../chat/json.ts";
import type { UiChunk } from "../chat/messages.ts";
import type { Chat } from "../runtime/chat.ts";
import type { Turn } from "../store/turns.ts";
import { exchange, replayTurn } from "./exchange.ts";

interface ActiveRequest {
  readonly stop: AbortController;
  turn?: Turn;
}

/**
 * Serves one WebSocket with the frames of the AI SDK's `WebSocketChatTransport`: `send`, `resume` and `abort` come,
 * `start`, `chunk`, `end`, `error` and `no-active` go. `abort` cancels the turn; a socket that closes does not.
 */
export function serveSocket(chat: Chat, socket: WebSocket, onFailure: (error: unknown) => void): void {
  const active = new Map<string, ActiveRequest>();
  const send = (frame: JsonRecord) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
  };
  socket.addEventListener("close", () => {
    for (const { stop } of active.values()) stop.abort();
  });
  socket.addEventListener("message", async ({ data }) => {
    const frame = readFrame(data);
    const requestId = textField(frame, "requestId");
    if (requestId === undefined) {
      socket.close(1003, "agent.invalid_request");
      return;
    }
    if (frame.type === "abort") {
      const aborted = active.get(requestId);
      aborted?.stop.abort();
      if (aborted?.turn) await chat.cancel(aborted.turn.id);
      return;
    }
    const request: ActiveRequest = { stop: new AbortController() };
    active.set(requestId, request);
    try {
      const chunks = await begin(chat, frame, request);
      if (chunks === undefined) send({ type: "no-active", requestId });
      else await stream(chunks, requestId, send);
    } catch (error) {
      if (!isHoldfastError(error)) onFailure(error);
      const errorText = isHoldfastError(error) ? error.message : "The request failed";
      send({ type: "error", requestId, errorText });
    } finally {
      active.delete(requestId);
    }
  });
}

async function begin(
  chat: Chat,
  frame: JsonRecord,
  request: ActiveRequest,
): Promise<AsyncGenerator<UiChunk> | undefined> {
  const { signal } = request.stop;
  if (frame.type === "resume") {
    const running = chat.runningTurn;
    if (running === undefined) return undefined;
    request.turn = running;
    return replayTurn(chat, running, signal);
  }
  const { turn, chunks } = await exchange(chat, { ...asRecord(frame.body), ...frame }, signal);
  request.turn = turn;
  return chunks;
}

async function stream(
  chunks: AsyncGenerator<UiChunk>,
  requestId: string,
  send: (frame: JsonRecord) => void,
): Promise<void> {
  send({ type: "start", requestId });
  let sequence = 0;
  for await (const chunk of chunks) {
    send({ type: "chunk", requestId, sequence, chunk });
    sequence += 1;
  }
  send({ type: "end", requestId });
}

function readFrame(data: unknown): JsonRecord {
  try {
    return asRecord(JSON.parse(String(data)));
  } catch {
    return {};
  }
}

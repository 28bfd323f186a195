import type { UiChunk } from "../chat/messages.ts";
import { agentLimits } from "../limits.ts";
import type { LiveTurn } from "../runtime/live-turn.ts";

/** Whether a question still waits for its answer. */
export type IsPending = (approvalId: string) => boolean;

/**
 * The chunks of a turn from a position on. Ends with the turn, and behind a question that waits for its answer: its
 * reader answers with another request, which goes on from there.
 */
export async function* readChunks(
  live: LiveTurn,
  from: number,
  isPending: IsPending,
  signal: AbortSignal,
): AsyncGenerator<UiChunk> {
  for (let position = from; !signal.aborted; position += 1) {
    while (position >= live.chunks.length) {
      if (live.ended || signal.aborted) return;
      await change(live, signal);
    }
    const chunk = live.chunks[position];
    if (chunk === undefined) return;
    yield chunk;
    if (chunk.type === "tool-approval-request" && isPending(chunk.approvalId)) {
      yield { type: "finish", finishReason: "other" };
      return;
    }
  }
}

/** Server-sent events of the AI SDK's data stream. */
export function eventStream(chunks: AsyncGenerator<UiChunk>, stop: AbortController): Response {
  const encoder = new TextEncoder();
  let timer: NodeJS.Timeout | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      timer = setInterval(
        () => controller.enqueue(encoder.encode(": keep-alive\n\n")),
        agentLimits.keepAliveMs,
      );
    },
    async pull(controller) {
      const { value, done } = await chunks.next();
      if (stop.signal.aborted) return;
      controller.enqueue(encoder.encode(`data: ${done ? "[DONE]" : JSON.stringify(value)}\n\n`));
      if (!done) return;
      clearInterval(timer);
      controller.close();
    },
    cancel() {
      clearInterval(timer);
      stop.abort();
    },
  });
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream",
      "cache-control": "no-cache",
      "x-vercel-ai-ui-message-stream": "v1",
    },
  });
}

async function change(live: LiveTurn, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => {
      stop();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const stop = live.onChange(done);
    signal.addEventListener("abort", done, { once: true });
  });
}

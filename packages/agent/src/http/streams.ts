import { agentLimits } from "../limits.ts";
import type { LiveTurn } from "../runtime/live-turn.ts";

/**
 * The chunks of a turn from a position on. Ends with the turn, and behind a chunk for which `endBehind` returns the last
 * one: behind a question that waits, as its reader answers with another request, which goes on from there.
 */
export async function* readChunks<Chunk>(
  live: LiveTurn<Chunk>,
  from: number,
  endBehind: (chunk: Chunk) => Chunk | undefined,
  signal: AbortSignal,
): AsyncGenerator<Chunk> {
  for (let position = from; !signal.aborted; position += 1) {
    while (position >= live.chunks.length) {
      if (live.ended || signal.aborted) return;
      await change(live, signal);
    }
    const chunk = live.chunks[position];
    if (chunk === undefined) return;
    yield chunk;
    const last = endBehind(chunk);
    if (last === undefined) continue;
    yield last;
    return;
  }
}

/** Server-sent events of the AI SDK's data stream. */
export function eventStream(chunks: AsyncGenerator<unknown>, stop: AbortController): Response {
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

async function change<Chunk>(live: LiveTurn<Chunk>, signal: AbortSignal): Promise<void> {
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

import { clientLimits } from "@holdfast/sandbox-client";
import { createParser } from "eventsource-parser";

/**
 * Calls `take` with each server-sent event of an answer until it ends. A connection that stands still is taken
 * for one that has ended: a server that is there sends a heartbeat every 15 s.
 */
export async function readServerSent(
  response: Response,
  take: (event: string | undefined, data: string) => void,
): Promise<void> {
  if (response.body === null) return;
  const parser = createParser({ onEvent: ({ event, data }) => take(event, data) });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  // Who waits for the next piece learns of a failure by itself.
  const giveUp = () => void reader.cancel().catch(() => {});
  for (;;) {
    const silence = setTimeout(giveUp, clientLimits.streamSilenceMs);
    const { value, done } = await reader.read().finally(() => clearTimeout(silence));
    if (done) return;
    parser.feed(value);
  }
}

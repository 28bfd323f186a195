import { clientLimits } from "@holdfast/sandbox-client";
import { createParser } from "eventsource-parser";

/**
 * Calls `take` with each server-sent event of a response until it ends. A silent connection counts as ended: a live
 * server sends a heartbeat every 15 s.
 */
export async function readServerSentEvents(
  response: Response,
  take: (event: string | undefined, data: string) => void,
): Promise<void> {
  if (response.body === null) return;
  const parser = createParser({ onEvent: ({ event, data }) => take(event, data) });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  // The pending read gets the error itself.
  const giveUp = () => void reader.cancel().catch(() => {});
  for (;;) {
    const silence = setTimeout(giveUp, clientLimits.streamSilenceMs);
    const { value, done } = await reader.read().finally(() => clearTimeout(silence));
    if (done) return;
    parser.feed(value);
  }
}

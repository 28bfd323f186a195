import { clientLimits } from "@holdfast/sandbox-client";
import { createParser } from "eventsource-parser";

/**
 * Calls `onEvent` with each server-sent event of a response until it ends. A silent connection counts as ended: a live
 * server sends a heartbeat every 15 s.
 */
export async function readServerSentEvents(
  response: Response,
  onEvent: (event: string | undefined, data: string) => void,
): Promise<void> {
  if (response.body === null) return;
  const parser = createParser({ onEvent: ({ event, data }) => onEvent(event, data) });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  // The pending read reports an error of cancelling.
  const cancel = () => void reader.cancel().catch(() => {});
  for (;;) {
    const timer = setTimeout(cancel, clientLimits.streamSilenceMs);
    const { value, done } = await reader.read().finally(() => clearTimeout(timer));
    if (done) return;
    parser.feed(value);
  }
}

import { createParser } from "eventsource-parser";

/** Calls `take` with each server-sent event of an answer until it ends. */
export async function readServerSent(
  response: Response,
  take: (event: string | undefined, data: string) => void,
): Promise<void> {
  if (response.body === null) return;
  const parser = createParser({ onEvent: ({ event, data }) => take(event, data) });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    parser.feed(value);
  }
}

import { HoldfastError } from "@holdfast/core";

export interface SseEvent {
  readonly event: string;
  readonly id: string;
  readonly data: string;
}

/**
 * Events of a `text/event-stream` (WHATWG HTML, server-sent events), each of at most `maxBytes`
 * characters. `onBytes` is called for everything that arrives, comments included.
 */
export async function* readEvents(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
  onBytes: () => void,
): AsyncGenerator<SseEvent> {
  const decoder = new TextDecoder();
  let rest: string[] = [];
  let restSize = 0;
  let event = "message";
  let id = "";
  let data: string[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    onBytes();
    const text = decoder.decode(chunk, { stream: true });
    const lines = text.split("\n");
    const [first = "", ...others] = lines;
    rest.push(first);
    restSize += first.length;
    if (restSize + size > maxBytes) throw tooLarge(maxBytes);
    if (others.length === 0) continue;
    const complete = [rest.join(""), ...others.slice(0, -1)];
    const last = others.at(-1) ?? "";
    rest = [last];
    restSize = last.length;
    for (const whole of complete) {
      const line = whole.endsWith("\r") ? whole.slice(0, -1) : whole;
      if (line === "") {
        if (data.length > 0) yield { event, id, data: data.join("\n") };
        event = "message";
        data = [];
        size = 0;
        continue;
      }
      const [name, value] = field(line);
      if (name === "data") {
        data.push(value);
        size += value.length;
        if (size > maxBytes) throw tooLarge(maxBytes);
      } else if (name === "id") id = value;
      else if (name === "event") event = value;
    }
  }
}

function field(line: string): [string, string] {
  const colon = line.indexOf(":");
  if (colon === -1) return [line, ""];
  const start = line[colon + 1] === " " ? colon + 2 : colon + 1;
  return [line.slice(0, colon), line.slice(start)];
}

function tooLarge(maxBytes: number): HoldfastError {
  return new HoldfastError("sandbox", "answer_too_large", `An event exceeds ${maxBytes} bytes`, {
    statusCode: 502,
  });
}

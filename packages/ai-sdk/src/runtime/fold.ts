import { readUIMessageStream, type UIMessage, type UIMessageChunk } from "ai";

/** Folds chunks into a message, or into what a message has come to before, as the AI SDK does in the browser. */
export async function fold(
  id: string,
  base: UIMessage | undefined,
  chunks: readonly UIMessageChunk[],
): Promise<UIMessage> {
  let message: UIMessage = base === undefined ? { id, role: "assistant", parts: [] } : structuredClone(base);
  const stream = new ReadableStream<UIMessageChunk>({
    start(controller) {
      for (const chunk of joined(chunks)) controller.enqueue(chunk);
      controller.close();
    },
  });
  // An error chunk is no fault of the stream: what was said before it counts.
  const onError = (): void => undefined;
  for await (const next of readUIMessageStream({ message, stream, onError })) message = next;
  return { ...message, id };
}

/** Joins deltas of one part: the library copies the whole message for each chunk. */
function joined(chunks: readonly UIMessageChunk[]): UIMessageChunk[] {
  const result: UIMessageChunk[] = [];
  for (const chunk of chunks) {
    const last = result.at(-1);
    const both = last === undefined ? undefined : join(last, chunk);
    if (both === undefined) result.push(chunk);
    else result[result.length - 1] = both;
  }
  return result;
}

function join(first: UIMessageChunk, second: UIMessageChunk): UIMessageChunk | undefined {
  if (first.type === "text-delta" && second.type === "text-delta" && first.id === second.id)
    return { ...second, delta: first.delta + second.delta };
  if (first.type === "reasoning-delta" && second.type === "reasoning-delta" && first.id === second.id)
    return { ...second, delta: first.delta + second.delta };
  return undefined;
}

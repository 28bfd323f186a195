import {
  type ChatTransport,
  parseJsonEventStream,
  type UIMessage,
  type UIMessageChunk,
  uiMessageChunkSchema,
} from "ai";

/** As much of a handle of a chat as a transport uses. */
export interface ChatHandle {
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/** Options of {@link ActorChatTransport}. Durations are milliseconds. */
export interface TransportOptions {
  /** True: `stop()` of `useChat` ends only the reading. By default it stops the answer, for everybody. */
  readonly keepsAnswer?: boolean;
  /** How long a stream that has broken off is tried again: a minute by default. */
  readonly reconnectMs?: number;
}

interface Place {
  readonly messageId: string;
  readonly position: number;
}

const defaultReconnectMs = 60_000;
const firstDelayMs = 100;
const maxDelayMs = 5_000;

/** Transport of `useChat` over a chat: an answer goes on at its next part when its connection has broken off. */
export class ActorChatTransport<Message extends UIMessage = UIMessage> implements ChatTransport<Message> {
  /** A resumed stream has the whole message. */
  readonly resumeStreamIsReplay = true;
  readonly #handle: ChatHandle;
  readonly #options: TransportOptions;

  constructor(handle: ChatHandle, options: TransportOptions = {}) {
    this.#handle = handle;
    this.#options = options;
  }

  readonly sendMessages: ChatTransport<Message>["sendMessages"] = async (options) => {
    const { trigger, messageId, messages, abortSignal, headers, body } = options;
    // The chat has the conversation: it needs the message that is new, or was answered.
    const answered = messages.find(({ id, role }) => id === messageId && role === "assistant");
    const response = await this.#ask("/chat", {
      method: "POST",
      headers: { ...plain(headers), "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ ...body, trigger, messageId, message: answered ?? messages.at(-1) }),
      ...(abortSignal === undefined ? {} : { signal: abortSignal }),
    });
    return this.#follow((await response.json()) as Place, abortSignal);
  };

  readonly reconnectToStream: ChatTransport<Message>["reconnectToStream"] = async (options) => {
    const { abortSignal } = options;
    const response = await this.#ask("/turn", { headers: plain(options.headers) });
    const { running } = (await response.json()) as { running: Place | null };
    return running === null ? null : this.#follow({ ...running, position: 0 }, abortSignal, false);
  };

  /** The chunks from a place on, over as many connections as it takes. */
  #follow(place: Place, signal: AbortSignal | undefined, stops = true): ReadableStream<UIMessageChunk> {
    const reading = new AbortController();
    signal?.addEventListener(
      "abort",
      () => {
        if (stops && this.#options.keepsAnswer !== true) void this.#stop(place.messageId);
        reading.abort();
      },
      { once: true },
    );
    const chunks = this.#chunks(place, reading.signal);
    return new ReadableStream<UIMessageChunk>({
      async pull(controller) {
        const { value, done } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: () => reading.abort(),
    });
  }

  async *#chunks({ messageId, position }: Place, signal: AbortSignal): AsyncGenerator<UIMessageChunk> {
    let next = position;
    let failedAt: number | undefined;
    for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, maxDelayMs)) {
      try {
        const query = new URLSearchParams({ message: messageId, after: String(next) });
        const response = await this.#ask(`/chat/stream?${query}`, { signal });
        let hasFinished = false;
        for await (const chunk of chunksOf(response)) {
          next += 1;
          failedAt = undefined;
          delayMs = firstDelayMs;
          hasFinished = chunk.type === "finish";
          yield chunk;
        }
        // Every stream of a chat ends with this chunk.
        if (hasFinished || signal.aborted) return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof Refusal) throw error;
      }
      failedAt ??= Date.now();
      if (Date.now() - failedAt > (this.#options.reconnectMs ?? defaultReconnectMs))
        throw new Error("The connection to the chat has broken off");
      await pause(delayMs, signal);
    }
  }

  async #stop(messageId: string): Promise<void> {
    try {
      await this.#ask("/chat/stop", { method: "POST", body: JSON.stringify({ message: messageId }) });
    } catch {
      // The reader has left already; the answer ends by itself.
    }
  }

  /** Throws {@link Refusal} for what no repetition changes. */
  async #ask(path: string, init: RequestInit): Promise<Response> {
    const response = await this.#handle.fetch(path, init);
    if (response.ok) return response;
    const text = await response.text();
    const message = detailOf(text) ?? `The chat answered ${response.status}`;
    throw response.status < 500 ? new Refusal(message) : new Error(message);
  }
}

/** The chat refuses the request. */
class Refusal extends Error {}

async function* chunksOf(response: Response): AsyncGenerator<UIMessageChunk> {
  if (response.body === null) return;
  const results = parseJsonEventStream({ stream: response.body, schema: uiMessageChunkSchema });
  const reader = results.getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      if (!value.success)
        throw new Refusal(`The chat sent a part of another version: ${value.error.message}`);
      yield value.value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function detailOf(text: string): string | undefined {
  try {
    const problem: unknown = JSON.parse(text);
    const detail =
      typeof problem === "object" && problem !== null && "detail" in problem ? problem.detail : "";
    return typeof detail === "string" && detail !== "" ? detail : undefined;
  } catch {
    return undefined;
  }
}

function plain(headers: Record<string, string> | Headers | undefined): Record<string, string> {
  return Object.fromEntries(new Headers(headers));
}

/** Resolves early when the signal aborts. */
async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, delayMs);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

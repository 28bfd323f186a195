/** An agent that remembers its conversation, and streams each answer to everyone who watches. */
import { EventSourceParserStream } from "eventsource-parser/stream";
import { actor, event, setup, UserError } from "holdfast";

interface Message {
  readonly role: "user" | "assistant";
  readonly content: string;
}

interface Chunk {
  readonly choices: readonly { readonly delta: { readonly content?: string | null } }[];
}

export const agent = actor({
  state: { messages: [] as Message[] },
  events: { token: event<string>(), answered: event<string>() },
  actions: {
    ask: async (c, question: string) => {
      c.state.messages.push({ role: "user", content: question });
      let answer = "";
      for await (const token of complete(c.state.messages, c.abortSignal)) {
        answer += token;
        c.broadcast("token", token);
      }
      c.state.messages.push({ role: "assistant", content: answer });
      c.broadcast("answered", answer);
      return answer;
    },
    history: (c) => c.state.messages,
  },
});

/** The answer of an OpenAI-compatible model, piece by piece. */
async function* complete(messages: readonly Message[], signal: AbortSignal): AsyncGenerator<string> {
  const base = process.env["MODEL_URL"] ?? "http://127.0.0.1:11434/v1";
  const response = await fetch(`${base}/chat/completions`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${process.env["MODEL_KEY"] ?? "none"}`,
    },
    body: JSON.stringify({ model: process.env["MODEL"] ?? "local", stream: true, messages }),
    signal,
  });
  if (!response.ok || response.body === null) {
    throw new UserError(`The model answered ${response.status}`, { code: "model_failed" });
  }
  const events = response.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream());
  for await (const { data } of events) {
    if (data === "[DONE]") return;
    const token = (JSON.parse(data) as Chunk).choices[0]?.delta.content;
    if (token) yield token;
  }
}

export const registry = setup({ use: { agent } });
if (import.meta.main) await registry.start();

/** A model without intelligence, to try the product without a key: it recognizes a few sentences. */
import { MockLanguageModelV4 } from "ai/test";

type Call = Parameters<MockLanguageModelV4["doStream"]>[0];
type Part =
  Awaited<ReturnType<MockLanguageModelV4["doStream"]>>["stream"] extends ReadableStream<infer P> ? P : never;
type Tool = readonly [name: string, input: Record<string, unknown>];

const pauseMs = 12;
const welcome = `I am the **demo model** of this product: I answer without a key, and know a few sentences. Try

- \`Remember that I drink green tea\`
- \`What do you know about me?\`
- \`Remind me to call Ann in 1 minute\`
- \`Forget that I drink green tea\`

With \`MODEL\` and \`MODEL_KEY\`, a real model takes my place.`;

function textOf({ content }: Call["prompt"][number]): string {
  if (typeof content === "string") return content;
  return content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join(" ");
}

/** The facts in the instructions, by their ids. */
function memoriesIn(prompt: Call["prompt"]): ReadonlyMap<string, string> {
  const lines = prompt.filter(({ role }) => role === "system").map(textOf);
  return new Map(
    Array.from(lines.join("\n").matchAll(/^- \[(\w+)\] (.*)$/gm), ([, id = "", text = ""]) => [id, text]),
  );
}

function toSecondPerson(text: string): string {
  return text
    .replace(/\bI am\b/gi, "you are")
    .replace(/\bmy\b/gi, "your")
    .replace(/\bI\b/g, "you");
}

/** What it says, or the tool that it calls, in answer to the last message. */
function replyTo({ prompt }: Call): string | Tool {
  const last = prompt.at(-1);
  if (last?.role === "tool") {
    const result = last.content.find((part) => part.type === "tool-result");
    const output = result?.output;
    if (output?.type === "execution-denied") return "All right, I leave it.";
    if (output?.type === "error-text") return `That did not work: ${output.value}`;
    if (result?.toolName === "set_reminder") return "Done. I remind you here when it is time.";
    return result?.toolName === "forget" ? "It is forgotten." : "I will remember that, in all conversations.";
  }
  const asked = last === undefined ? "" : textOf(last).trim();
  const memories = memoriesIn(prompt);
  const fact = /^(?:please )?remember (?:that )?(.+?)\.?$/i.exec(asked)?.[1];
  if (fact !== undefined) return ["remember", { text: fact }];
  const [, what, amount, unit] =
    /^(?:please )?remind me (?:to )?(.+?) in (\d+) (minute|hour|day)s?\.?$/i.exec(asked) ?? [];
  if (what !== undefined) {
    const factor = unit === "day" ? 1_440 : unit === "hour" ? 60 : 1;
    return ["set_reminder", { text: what, inMinutes: Number(amount) * factor }];
  }
  const unwanted = /^(?:please )?forget (?:that )?(.+?)\.?$/i.exec(asked)?.[1]?.toLowerCase();
  if (unwanted !== undefined) {
    const [id, text] = [...memories].find(([, each]) => each.toLowerCase().includes(unwanted)) ?? [];
    return id === undefined ? "I do not remember that." : ["forget", { id, text }];
  }
  if (!/know|remember/i.test(asked)) return welcome;
  const facts = [...memories.values()].map((text) => `- ${toSecondPerson(text)}`);
  return facts.length === 0
    ? "I do not know anything about you yet. Tell me `Remember that …`."
    : `This is what I remember of you:\n\n${facts.join("\n")}\n\nYou can delete any of it under **Memory**.`;
}

function partsOf(reply: string | Tool): Part[] {
  if (typeof reply !== "string") {
    const [toolName, input] = reply;
    return [{ type: "tool-call", toolCallId: crypto.randomUUID(), toolName, input: JSON.stringify(input) }];
  }
  const words = reply.split(/(?<=\s)/);
  return [
    { type: "text-start", id: "1" },
    ...words.map((delta): Part => ({ type: "text-delta", id: "1", delta })),
    { type: "text-end", id: "1" },
  ];
}

export const demoModel = new MockLanguageModelV4({
  modelId: "demo",
  doStream: async (call) => {
    const reply = replyTo(call);
    const finish: Part = {
      type: "finish",
      finishReason: { unified: typeof reply === "string" ? "stop" : "tool-calls", raw: undefined },
      usage: {
        inputTokens: { total: 0, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
        outputTokens: { total: 0, text: undefined, reasoning: undefined },
      },
    };
    const parts: Part[] = [{ type: "stream-start", warnings: [] }, ...partsOf(reply), finish];
    const stream = new ReadableStream<Part>({
      async pull(controller) {
        const part = parts.shift();
        if (part === undefined) return controller.close();
        if (part.type === "text-delta") await new Promise((resolve) => setTimeout(resolve, pauseMs));
        controller.enqueue(part);
      },
    });
    return { stream };
  },
});

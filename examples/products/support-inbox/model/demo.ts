/** A model without intelligence, to try the product without a key: it answers with the section that fits best. */
import { MockLanguageModelV4 } from "ai/test";

type Call = Parameters<MockLanguageModelV4["doStream"]>[0];
type Part =
  Awaited<ReturnType<MockLanguageModelV4["doStream"]>>["stream"] extends ReadableStream<infer P> ? P : never;

const pauseMs = 12;

function textOf({ content }: Call["prompt"][number]): string {
  if (typeof content === "string") return content;
  return content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join(" ");
}

function wordsOf(text: string): ReadonlySet<string> {
  // The beginnings of words, so that "returned" finds "return".
  return new Set((text.toLowerCase().match(/\p{L}{4,}/gu) ?? []).map((word) => word.slice(0, 5)));
}

function answerTo({ prompt }: Call): string {
  const [system, ...said] = prompt.map(textOf);
  const customer = /The customer is (\S+)/.exec(system ?? "")?.[1] ?? "there";
  const asked = wordsOf(`${said.at(-1) ?? ""} ${/The subject: (.*)/.exec(system ?? "")?.[1] ?? ""}`);
  const sections = (system ?? "").split(/^## /m).slice(1);
  const scored = sections.map((section) => ({
    section,
    score: [...wordsOf(section)].filter((word) => asked.has(word)).length,
  }));
  const best = scored.toSorted((a, b) => b.score - a.score)[0];
  const greeting = `Hello ${customer},\n\nthank you for your message.`;
  if (best === undefined || best.score === 0)
    return `${greeting} A colleague will look into it and write to you today.`;
  const facts = best.section.split("\n").slice(1).join(" ").split("The customer is")[0] ?? "";
  return `${greeting} ${facts.replace(/\s+/g, " ").trim()}\n\nDoes this help? We are glad to look into it further.`;
}

export const demoModel = new MockLanguageModelV4({
  modelId: "demo",
  doStream: async (call) => {
    const words = answerTo(call).split(/(?<=\s)/);
    const parts: Part[] = [
      { type: "stream-start", warnings: [] },
      { type: "text-start", id: "1" },
      ...words.map((delta): Part => ({ type: "text-delta", id: "1", delta })),
      { type: "text-end", id: "1" },
      {
        type: "finish",
        finishReason: { unified: "stop", raw: undefined },
        usage: {
          inputTokens: { total: 0, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
          outputTokens: { total: 0, text: undefined, reasoning: undefined },
        },
      },
    ];
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

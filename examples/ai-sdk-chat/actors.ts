/** A chat with a model that looks orders up, and gives money back when a person agrees. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { chat } from "@holdfast/ai-sdk";
import { stepCountIs, streamText, tool } from "ai";
import { setup } from "holdfast";
import { z } from "zod";

const orders: Readonly<Record<number, string>> = { 1001: "on its way", 1002: "delivered" };

// Any model of the AI SDK; here one that speaks the API of OpenAI, such as Ollama on this machine.
const provider = createOpenAICompatible({
  name: "model",
  baseURL: process.env["MODEL_URL"] ?? "http://127.0.0.1:11434/v1",
  apiKey: process.env["MODEL_KEY"] ?? "none",
});

export const assistant = chat({
  answer: (c, { messages, abortSignal }) =>
    streamText({
      model: provider(process.env["MODEL"] ?? "llama3.2"),
      instructions: "You help the people of a small shop. Look orders up before you speak of them.",
      messages,
      abortSignal,
      stopWhen: stepCountIs(5),
      tools: {
        order: tool({
          description: "Says where the order of this number is",
          inputSchema: z.object({ number: z.number().int() }),
          execute: ({ number }) => ({ number, status: orders[number] ?? "unknown" }),
        }),
        refund: tool({
          description: "Gives the money for an order back",
          inputSchema: z.object({ number: z.number().int() }),
          execute: async ({ number }) => {
            // A commit of the actor: a repeated call finds it.
            const isNew = (await c.kv.get(`refund:${number}`)) === null;
            if (isNew) await c.kv.put(`refund:${number}`, "done");
            return { number, refunded: true, isNew };
          },
        }),
      },
      toolApproval: { refund: "user-approval" },
    }),
});

export const registry = setup({ use: { assistant } });

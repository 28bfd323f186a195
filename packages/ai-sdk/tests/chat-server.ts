/** The server that is killed: `node chat-server.ts DIRECTORY MODEL_URL PORT`, forked; it sends its URL. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import { chat } from "../src/index.ts";

const [directory = "", modelUrl = "", port = "0"] = process.argv.slice(2);
const provider = createOpenAICompatible({ name: "mock", baseURL: `${modelUrl}/v1` });

const assistant = chat({
  onError: (error) => (error instanceof Error ? `Failed: ${error.name}` : "Failed"),
  onTurnEnd: async (c, { turn }) => void (await c.kv.put("ended", turn.status)),
  answer: (c, { messages, abortSignal }) =>
    streamText({
      ...{ model: provider("mock"), instructions: "You help a shop.", messages, abortSignal },
      ...{ stopWhen: stepCountIs(5), maxRetries: 0, onError: () => undefined },
      tools: {
        order: tool({
          description: "Looks up an order",
          inputSchema: z.object({ number: z.number() }),
          execute: ({ number }) => ({ number, status: "on its way" }),
        }),
        refund: tool({
          description: "Gives money back",
          inputSchema: z.object({ number: z.number() }),
          execute: async ({ number }) => {
            const refunds = Number((await c.kv.get("refunds")) ?? 0) + 1;
            await c.kv.put("refunds", String(refunds));
            return { number, refunds };
          },
        }),
        locate: tool({ description: "Where the person is", inputSchema: z.object({}) }),
      },
      toolApproval: { refund: "user-approval" },
    }),
});
const refusing = chat({ onAuth: () => Promise.reject(new Error("no")), answer: () => new ReadableStream() });

const registry = createRegistry({
  use: { assistant, refusing },
  store: (ports) => openSqliteStore({ path: directory, ports }),
});
const { url } = await registry.listen({ port: Number(port) });
process.send?.({ url });

export type ChatRegistry = typeof registry;

/** The server that is killed: `node chat-server.ts DIRECTORY MODEL_URL PORT`, forked; it sends its URL. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { stepCountIs, streamText, tool, type UIMessageChunk } from "ai";
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

/** As a process leaves it that ends between a message and its turn. */
const unanswered = chat({
  onMigrate: async (database) => {
    const message = { id: "left", role: "user", parts: [{ type: "text", text: "Anybody?" }] };
    await database.execute(
      "INSERT OR IGNORE INTO chat_messages (id, message) VALUES (?, ?)",
      message.id,
      JSON.stringify(message),
    );
  },
  answer: () =>
    new ReadableStream<UIMessageChunk>({
      start(controller) {
        controller.enqueue({ type: "text-start", id: "1" });
        controller.enqueue({ type: "text-delta", id: "1", delta: "Here." });
        controller.close();
      },
    }),
});

const registry = createRegistry({
  use: { assistant, refusing, unanswered },
  store: (ports) => openSqliteStore({ path: directory, ports }),
});
const { url } = await registry.listen({ port: Number(port) });
process.send?.({ url });

export type ChatRegistry = typeof registry;

/** Programs change objects in the state through their own references while they run. */
import assert from "node:assert/strict";
import { actor, event, queue, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

interface Reply {
  role: "user" | "assistant";
  content: string;
  done: boolean;
}

const agent = actor({
  state: { replies: [] as Reply[], status: { state: "idle", turns: 0 } },
  queues: { prompt: queue<{ text: string }>() },
  events: { delta: event<{ content: string }>() },
  run: async (c) => {
    for await (const prompt of c.queue.iter()) {
      c.state.replies.push({ role: "user", content: prompt.body.text, done: false });
      const reply: Reply = { role: "assistant", content: "", done: false };
      c.state.replies.push(reply);
      c.state.status = { state: "thinking", turns: c.state.status.turns + 1 };
      for (const word of prompt.body.text.split(" ").reverse()) {
        reply.content = `${reply.content} ${word}`.trim();
        c.broadcast("delta", { content: reply.content });
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      reply.done = true;
      c.state.status = { ...c.state.status, state: "idle" };
    }
  },
  actions: {
    replies: (c) => c.state.replies,
    status: (c) => c.state.status,
    rest: (c) => c.sleep(),
    draft: async (c) => {
      const draft: Reply = { role: "assistant", content: "", done: false };
      c.state.replies.push(draft);
      for (const letter of "abc") {
        await c.saveState({ immediate: true });
        draft.content += letter;
      }
      return draft.content;
    },
  },
});

export const registry = setup({ use: { agent } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.agent.getOrCreate(["words"]);
  const settled = async (turns: number): Promise<void> => {
    for (;;) {
      const status = await handle.status();
      if (status.turns === turns && status.state === "idle") return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  await handle.send("prompt", { text: "one two three" });
  await settled(1);
  await handle.send("prompt", { text: "four five" });
  await settled(2);
  assert.equal(await handle.draft(), "abc");
  const told = [
    { role: "user", content: "one two three", done: false },
    { role: "assistant", content: "three two one", done: true },
    { role: "user", content: "four five", done: false },
    { role: "assistant", content: "five four", done: true },
    { role: "assistant", content: "abc", done: false },
  ];
  assert.deepEqual(await handle.replies(), told);
  // They were stored, too.
  await handle.rest();
  assert.deepEqual(await handle.replies(), told);
  await client.dispose();
}

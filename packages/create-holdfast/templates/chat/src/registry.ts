import { local } from "@holdfast/sandbox-client/local";
import { setup, UserError } from "holdfast";
import { agent, tool } from "holdfast/agent";
import { z } from "zod";

const orders = new Map([
  [1001, "on its way"],
  [1002, "delivered"],
]);

const name = process.env["CHAT_AGENT"] ?? "demo";
if (name === "demo")
  console.log(
    "The demo agent answers: it needs no key. For a real one: CHAT_AGENT=claude ANTHROPIC_API_KEY=...",
  );

/** A chat for every key. It remembers, looks orders up, and asks before it changes a file. */
export const assistant = agent({
  agent: name,
  // Runs on this machine without isolation, to try it. For others to use: jail() or docker().
  sandbox: local({ log: "silent" }),
  instructions: "You help the people of a small shop. Look orders up before you speak of them.",
  memory: true,
  permissions: ({ kind }) => (kind === "read" || kind === "other" ? "allow" : "ask"),
  tools: {
    order: tool({
      description: "Says where the order of this number is",
      input: z.object({ number: z.number().int() }),
      readOnly: true,
      handler: (_c, { number }) => {
        const status = orders.get(number);
        if (status === undefined) throw new UserError(`There is no order ${number}`, { code: "no_order" });
        return { number, status };
      },
    }),
  },
});

export const registry = setup({ use: { assistant } });

/** A chat with a coding agent: it remembers, asks before it changes a file, and calls a function of this program. */
import { local } from "@holdfast/sandbox-client/local";
import { setup, UserError } from "holdfast";
import { agent, tool } from "holdfast/agent";
import { z } from "zod";

const orders = new Map([
  [1001, "on its way"],
  [1002, "delivered"],
]);

export const assistant = agent({
  agent: process.env["CHAT_AGENT"] ?? "demo",
  // Without isolation, for trying it out: "jail" and containers are in docs/reference/sandbox-client.md.
  sandbox: local({ log: "silent" }),
  ...(process.env["CHAT_DIRECTORY"] === undefined ? {} : { cwd: process.env["CHAT_DIRECTORY"] }),
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

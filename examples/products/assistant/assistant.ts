/** A conversation: the chat of the AI SDK as an actor, with a memory that all conversations of a person share. */
import { chat } from "@holdfast/ai-sdk";
import { type ModelMessage, stepCountIs, streamText, tool } from "ai";
import { isHoldfastError, type Registry, UserError } from "holdfast";
import { z } from "zod";
import { limits } from "./limits.ts";
import { model } from "./model/model.ts";
import type { Memory, person } from "./person.ts";
import { requireOwner } from "./sign-in/sessions.ts";

type People = Registry<{ person: typeof person }>;
type About = { readonly name: string; readonly memories: readonly Memory[] };

const maxSteps = 8;
/** A model reads the end of a long conversation: the whole of it would cost more with each message. */
const maxMessages = 60;

/** The last messages, from one of the person on: an answer without its question, or a call without its result, confuses. */
function endOf(messages: ModelMessage[]): ModelMessage[] {
  const from = messages.length - maxMessages;
  const start = messages.findIndex(({ role }, at) => at >= from && role === "user");
  return start === -1 ? messages : messages.slice(start);
}

function instructionsFor({ name, memories }: About): string {
  const facts = memories.map(({ id, text }) => `- [${id}] ${text}`).join("\n");
  return `You are a helpful assistant. You speak with ${name}. Answer briefly, in Markdown.
It is ${new Date().toISOString()}.
Keep lasting facts about ${name} with the tool remember when they tell you some; never keep passwords or other secrets.
What you remember:
${facts === "" ? "nothing yet" : facts}`;
}

export const assistant = chat({
  onAuth: requireOwner,
  // A reason for people is shown; what went wrong inside is only logged.
  onError: (error) =>
    isHoldfastError(error) && error.group === "user" ? error.message : "The model did not answer. Try again.",
  answer: async (c, { messages, uiMessages, abortSignal }) => {
    const [userId = "", conversationId = ""] = c.key;
    const self = c.client<People>().person.get([userId]);
    const last = uiMessages.at(-1);
    const text = last?.parts.map((part) => (part.type === "text" ? part.text : "")).join("") ?? "";
    if (last?.role === "user" && text.length > limits.messageLength)
      throw new UserError(`A message has at most ${limits.messageLength} characters.`, { code: "too_long" });
    // What follows an approval belongs to the message before it.
    const about = await self.beginAnswer(conversationId, last?.role === "user" ? text : undefined);
    return streamText({
      model,
      instructions: instructionsFor(about),
      messages: endOf(messages),
      abortSignal,
      stopWhen: stepCountIs(maxSteps),
      onError: ({ error }) => c.log.warn("the model failed", { cause: String(error) }),
      tools: {
        remember: tool({
          description: "Keeps a lasting fact about the person, for all conversations",
          inputSchema: z.object({ text: z.string().max(limits.memoryLength) }),
          execute: async ({ text }) => await self.remember(text),
        }),
        forget: tool({
          description: "Deletes a fact that you remember, by the id in brackets before it",
          inputSchema: z.object({
            id: z.string(),
            text: z.string().describe("The fact, for the person to see"),
          }),
          execute: async ({ id }) => ({ forgotten: await self.forget(id) }),
        }),
        set_reminder: tool({
          description: "Reminds the person later, in the app",
          inputSchema: z.object({
            text: z.string().max(limits.reminderLength).describe("What to do, such as: call Ann"),
            inMinutes: z.number().min(0).max(limits.reminderMinutes),
          }),
          execute: async ({ text, inMinutes }, { toolCallId }) =>
            await self.setReminder(toolCallId, text, inMinutes),
        }),
      },
      // What changes something for the person waits until they agree.
      toolApproval: { forget: "user-approval", set_reminder: "user-approval" },
    });
  },
});

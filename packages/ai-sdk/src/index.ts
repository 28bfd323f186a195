/** Chats of the Vercel AI SDK as actors. May use the AI SDK, actors, and the streams of agents. */
export { type ChatInput, type ChatVars, chat, type PromptOptions } from "./chat.ts";
export { chatLimits } from "./limits.ts";
export type { AnswerRequest, AnswerStream, AnswerStreamOptions, ChatOptions } from "./options.ts";
export type {
  AnswerContext,
  ChatEvents,
  ChatResult,
  ChatState,
  ChatTurn,
  PendingApproval,
  TurnStatus,
} from "./types.ts";

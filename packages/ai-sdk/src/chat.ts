import { actor } from "@holdfast/actors";
import { db } from "@holdfast/actors/db";
import { systemClock, systemRandom, uuidv7 } from "@holdfast/core";
import type { UIMessage } from "ai";
import { readMessage } from "./http/bodies.ts";
import { answerRequest } from "./http/requests.ts";
import { chatLimits } from "./limits.ts";
import { type ChatOptions, checkOptions } from "./options.ts";
import { Conversation } from "./runtime/conversation.ts";
import { migrateChat } from "./runtime/store.ts";
import { type ChatResult, type ChatState, type ChatTurn, chatEvents, type PendingApproval } from "./types.ts";

const tenMinutesMs = 600_000;
const defaultMessages = 200;

/** What a chat has in memory while it is awake; nothing of it is for programs. */
export interface ChatVars {
  readonly conversation: unknown;
}

/** Text, or the parts of a user's message: text, files as data URLs, and data parts. */
export type ChatInput = string | UIMessage["parts"];

/** With the id of a message that there is already, nothing is sent again. */
export interface PromptOptions {
  readonly id?: string;
}

/**
 * Defines a chat with a model as an actor: one conversation for each key, kept in the actor's database, whose answers
 * are streams that any number of readers follow and resume. Throws `chat.invalid_definition`.
 */
export function chat(options: ChatOptions) {
  checkOptions(options);
  const initial: ChatState = { turn: undefined };
  return actor({
    options: {
      ...{ name: "Chat", icon: "💬" },
      ...options.options,
      actionTimeout: options.options?.actionTimeout ?? tenMinutesMs,
    },
    state: initial,
    createVars: (): ChatVars => ({ conversation: undefined }),
    events: chatEvents,
    db: db({
      onMigrate: async (database) => {
        await migrateChat({ execute: (sql, ...args) => database.execute(sql, ...args) });
        await options.onMigrate?.(database);
      },
    }),
    ...(options.onAuth === undefined ? {} : { onAuth: options.onAuth }),
    onWake: async (c) => {
      const conversation = new Conversation(c, options);
      c.vars = { conversation };
      await conversation.recover();
    },
    run: async (c) => await of(c).work(),
    onSleep: async (c) => await of(c).sleep(),
    onRequest: async (c, request) => await answerRequest(of(c), request),
    actions: {
      /** Sends a message and queues its answer. Throws `chat.invalid_message`, `chat.answer_running`. */
      prompt: async (c, input: ChatInput, given: PromptOptions = {}): Promise<ChatTurn> =>
        await of(c).send(await messageOf(input, given)),
      /** Sends a message and waits until its answer has ended, however it ends. */
      ask: async (c, input: ChatInput, given: PromptOptions = {}): Promise<ChatResult> => {
        const { id } = await of(c).send(await messageOf(input, given));
        return await of(c).result(id);
      },
      /** Waits until a turn has ended. Throws `chat.unknown_turn`. */
      result: async (c, turnId: string): Promise<ChatResult> => await of(c).result(turnId),
      /** Makes an answer again, the last one by default: it and what follows it are removed. */
      regenerate: async (c, messageId?: string): Promise<ChatTurn> => await of(c).regenerate(messageId),
      /**
       * Says whether a call of a tool may run. Returns the turn that goes on, undefined while other questions wait.
       * Throws `chat.unknown_approval`.
       */
      answer: async (
        c,
        approvalId: string,
        approved: boolean,
        reason?: string,
      ): Promise<ChatTurn | undefined> =>
        await of(c).reply([
          { approvalId, approved: approved === true, ...(reason === undefined ? {} : { reason }) },
        ]),
      /** Calls that wait for a person. */
      approvals: (c): PendingApproval[] => of(c).approvals(),
      /** Stops the running answer and keeps what was said. False if there is none. */
      stop: async (c): Promise<boolean> => await of(c).stop(),
      /** The last messages, oldest first, with what the running answer has come to. */
      messages: async (c, limit: number = defaultMessages): Promise<UIMessage[]> =>
        await of(c).messages(bounded(limit)),
      /** The running turn, or the last one. */
      turn: (c): ChatTurn | undefined => of(c).turn,
      /** Forgets everything that was said. */
      clear: async (c): Promise<void> => await of(c).clear(),
    },
  });
}

function of({ vars }: { readonly vars: ChatVars }): Conversation {
  if (vars.conversation instanceof Conversation) return vars.conversation;
  throw new Error("The chat has not woken");
}

async function messageOf(input: ChatInput, { id }: PromptOptions): Promise<UIMessage> {
  const parts = typeof input === "string" ? [{ type: "text" as const, text: input }] : input;
  return await readMessage({ id: id ?? uuidv7(systemClock, systemRandom), role: "user", parts });
}

function bounded(limit: number): number {
  return Number.isInteger(limit) && limit > 0
    ? Math.min(limit, chatLimits.maxMessages)
    : chatLimits.maxMessages;
}

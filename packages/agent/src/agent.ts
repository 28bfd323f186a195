import { actor } from "@holdfast/actors";
import { db } from "@holdfast/actors/db";
import { migrateSessions } from "@holdfast/sandbox-client/persist/actor";
import type { UiMessage } from "./chat/messages.ts";
import type { Prompt } from "./chat/prompt.ts";
import { answerRequest } from "./http/requests.ts";
import { serveSocket } from "./http/socket.ts";
import { agentLimits } from "./limits.ts";
import { type AgentOptions, checkOptions } from "./options.ts";
import { Chat, type TurnDetails, type TurnResult } from "./runtime/chat.ts";
import type { Providers } from "./runtime/connection.ts";
import { type AgentState, agentEvents } from "./runtime/context.ts";
import type { ApprovalReply } from "./runtime/questions.ts";
import type { Approval } from "./store/approvals.ts";
import { migrateAgent } from "./store/database.ts";
import type { Fact } from "./store/facts.ts";
import type { Turn } from "./store/turns.ts";

const hourMs = 3_600_000;
const defaultMessages = 200;
const defaultTurns = 50;

/** What an agent has in memory while it is awake; nothing of it is for programs. */
export interface AgentVars {
  readonly chat: unknown;
}

/** With the id of a message that there is already, nothing is sent again. */
export interface PromptOptions {
  readonly id?: string;
}

/**
 * Defines a coding agent as an actor: one chat for each key, kept in the actor's database, with a sandbox of its own.
 * Throws `agent.invalid_definition`.
 */
export function agent(options: AgentOptions) {
  checkOptions(options);
  const providers: Providers = new Map();
  const initial: AgentState = { session: 1, sandboxId: undefined, instructed: undefined };
  return actor({
    options: {
      name: "Agent",
      icon: "🤖",
      ...options.options,
      actionTimeout: options.options?.actionTimeout ?? hourMs,
    },
    state: initial,
    createVars: (): AgentVars => ({ chat: undefined }),
    events: agentEvents,
    db: db({
      onMigrate: async (database) => {
        await migrateSessions({ execute: (sql, ...args) => database.execute(sql, ...args) });
        await migrateAgent(database);
        await options.onMigrate?.(database);
      },
    }),
    ...(options.onAuth === undefined ? {} : { onAuth: options.onAuth }),
    onWake: async (c) => {
      const chat = new Chat(c, options, providers);
      c.vars = { chat };
      await chat.recover();
    },
    run: async (c) => await chatOf(c).work(),
    onSleep: async (c) => await chatOf(c).sleep(),
    onDestroy: async (c) => await chatOf(c).destroy(),
    onRequest: async (c, request) => await answerRequest(chatOf(c), request),
    onWebSocket: (c, socket) => {
      serveSocket(chatOf(c), socket, (error) =>
        c.log.error("a request of a chat failed", { cause: String(error) }),
      );
    },
    actions: {
      /** Queues a prompt; resolves when it is durable. Throws `agent.invalid_prompt`, `agent.too_many_turns`. */
      prompt: async (c, prompt: Prompt, given: PromptOptions = {}): Promise<Turn> =>
        await chatOf(c).prompt(prompt, given.id),
      /** Queues a prompt and waits until its turn has ended, however it ends. */
      ask: async (c, prompt: Prompt, given: PromptOptions = {}): Promise<TurnResult> => {
        const turn = await chatOf(c).prompt(prompt, given.id);
        return await chatOf(c).result(turn.id);
      },
      /** Waits until a turn has ended. Throws `agent.unknown_turn`. */
      result: async (c, turnId: string): Promise<TurnResult> => await chatOf(c).result(turnId),
      /** Cancels a turn, or the running one and all that wait. Returns the ids of those turns. */
      cancel: async (c, turnId?: string): Promise<string[]> => await chatOf(c).cancel(turnId),
      /** The last messages, oldest first, with what the running turn has come to. */
      messages: (c, limit: number = defaultMessages): UiMessage[] =>
        chatOf(c).messages(bounded(limit, agentLimits.maxMessages)),
      /** A turn with its messages and the questions that it waits with. Throws `agent.unknown_turn`. */
      turn: (c, turnId: string): TurnDetails => chatOf(c).details(turnId),
      /** The latest turns, newest first. */
      turns: (c, limit: number = defaultTurns): Turn[] =>
        chatOf(c).turns.latest(bounded(limit, agentLimits.maxMessages)),
      /** Questions of permission that wait for an answer, oldest first. */
      approvals: (c): Approval[] => chatOf(c).approvals.pending(),
      /**
       * Answers a question; the first answer counts, and repeating it succeeds. Throws `agent.unknown_approval`,
       * `agent.approval_settled`, `agent.unsupported_reply`.
       */
      answer: async (c, approvalId: string, reply: ApprovalReply): Promise<Approval> =>
        await chatOf(c).answer(approvalId, reply),
      /** Begins a new session of the agent: it knows nothing of what was said. The messages stay. */
      reset: async (c): Promise<void> => await chatOf(c).reset(),
      /** Facts with any of these words; the newest ones without words. */
      facts: (c, words: string = ""): Fact[] => chatOf(c).facts.recall(String(words)),
      /** Throws `agent.invalid_fact`, `agent.too_many_facts`. */
      remember: async (c, text: string): Promise<Fact> => await chatOf(c).facts.remember(text, Date.now()),
      /** Returns false if there is no such fact. */
      forget: async (c, factId: number): Promise<boolean> => await chatOf(c).facts.forget(Number(factId)),
    },
  });
}

function chatOf({ vars }: { readonly vars: AgentVars }): Chat {
  if (vars.chat instanceof Chat) return vars.chat;
  throw new Error("The agent has not woken");
}

function bounded(limit: number, most: number): number {
  return Number.isInteger(limit) && limit > 0 ? Math.min(limit, most) : most;
}

import type { ActorOptions, AuthContext, AuthOptions, RawAccess } from "@holdfast/actors";
import type { ModelMessage, UIMessage, UIMessageChunk } from "ai";
import { invalidDefinition } from "./errors.ts";
import type { AnswerContext, ChatResult } from "./types.ts";

/** What an answer is made from. */
export interface AnswerRequest {
  /** The conversation, as models take it: for `messages` of `streamText`. */
  readonly messages: ModelMessage[];
  /** The same, as it is stored and shown. */
  readonly uiMessages: readonly UIMessage[];
  /** Aborts when somebody stops the answer: for `abortSignal` of `streamText`. */
  readonly abortSignal: AbortSignal;
}

/** What `streamText` returns, as much as a chat uses of it. */
export interface AnswerStream {
  toUIMessageStream(options: AnswerStreamOptions): ReadableStream<UIMessageChunk>;
}

/** Options of `toUIMessageStream` of the AI SDK with which an answer becomes a message of the chat. */
export interface AnswerStreamOptions {
  /** The conversation that the answer continues. */
  readonly originalMessages: UIMessage[];
  /** Gives the id of the answer, under which the chat keeps it. */
  readonly generateMessageId: () => string;
  /** Gives the text by which people learn of an error. */
  readonly onError: (error: unknown) => string;
  readonly sendReasoning: boolean;
  readonly sendSources: boolean;
}

/** Options of `chat()`. */
export interface ChatOptions {
  /** Answers the last message: returns what `streamText` returns, or a stream of chunks made otherwise. */
  readonly answer: (
    c: AnswerContext,
    request: AnswerRequest,
  ) => AnswerStream | ReadableStream<UIMessageChunk> | Promise<AnswerStream | ReadableStream<UIMessageChunk>>;
  /** What people are told of an error of the model or a tool. By default only that there was one. */
  readonly onError?: (error: unknown) => string;
  /** False: the reasoning of the model is neither kept nor shown. */
  readonly sendReasoning?: boolean;
  /** True: the sources of the model are kept and shown. */
  readonly sendSources?: boolean;
  /** Called when a turn has ended, before clients learn it. Runs at most once for each turn. */
  readonly onTurnEnd?: (c: AnswerContext, result: ChatResult) => void | Promise<void>;
  /** Makes tables for tools. */
  readonly onMigrate?: (database: RawAccess) => void | Promise<void>;
  /** As in `actor()`. */
  readonly onAuth?: (c: AuthContext<unknown>, options: AuthOptions<unknown>) => unknown;
  /** As in `actor()`; `actionTimeout` is ten minutes by default, since `ask` waits for an answer. */
  readonly options?: ActorOptions;
}

/** Throws `chat.invalid_definition`. */
export function checkOptions(options: ChatOptions): void {
  if (typeof options?.answer !== "function") throw invalidDefinition("answer is not a function");
}

import { LiveTurn } from "@holdfast/agent/stream";
import { HoldfastError, messageOf, systemClock, systemRandom, uuidv7 } from "@holdfast/core";
import { convertToModelMessages, type UIMessage, type UIMessageChunk } from "ai";
import { answerRunning, invalidRequest, unknownMessage } from "../errors.ts";
import { chatLimits } from "../limits.ts";
import type { ChatOptions } from "../options.ts";
import type { ChatContext, ChatResult, ChatTurn, PendingApproval, TurnStatus } from "../types.ts";
import { fold } from "./fold.ts";
import { OpenParts } from "./open-parts.ts";
import { approvalsOf, isOpen, isWaiting, textOf, toolPart, withoutOpenCalls } from "./parts.ts";
import { type Reply, replyChunks } from "./replies.ts";
import { ChatStore } from "./store.ts";

const queueName = "turns";
const interruptedText = "The answer was interrupted";

/** The turn in memory: its stream so far, and what stops it. */
interface Writing {
  readonly live: LiveTurn<UIMessageChunk>;
  readonly stop: AbortController;
}

/** One chat. Lives as long as its actor is in memory; what has to outlive that is in the actor's database. */
export class Conversation {
  readonly store: ChatStore;
  readonly #c: ChatContext;
  readonly #options: ChatOptions;
  /** Of a turn that is queued or running. */
  #writing: Writing | undefined;
  #isLeaving = false;
  /** Ends when no change of the conversation is under way. */
  #changes: Promise<unknown> = Promise.resolve();

  constructor(c: ChatContext, options: ChatOptions) {
    this.#c = c;
    this.#options = options;
    this.store = new ChatStore(c.db);
  }

  get turn(): ChatTurn | undefined {
    return this.#c.state.turn;
  }

  get isBusy(): boolean {
    return this.turn?.status === "queued" || this.turn?.status === "running";
  }

  /** Settles the turn that a crash has interrupted. Called at each start. */
  async recover(): Promise<void> {
    const { turn } = this;
    if (turn === undefined || !this.isBusy) return await this.#resume();
    const writing = this.#open();
    if (turn.status === "queued") {
      // It may have been kept before its entry in the queue was.
      await this.#c.queue.send(queueName, turn.id);
      return;
    }
    const open = this.#openParts(turn);
    for (const chunk of writing.live.chunks.slice(turn.firstChunk)) open.observe(chunk);
    await this.#end(turn, writing, open, "interrupted", interruptedText);
  }

  /** Queues the answer of a message that was kept when the process ended before its turn was. */
  async #resume(): Promise<void> {
    const last = this.store.last();
    if (last === undefined) return;
    if (last.role === "user" && this.turn?.userMessageId !== last.id) {
      await this.#queue(newId(), last.id, 0);
      return;
    }
    const isAnswered = last.parts.some((part) => toolPart(part)?.state === "approval-responded");
    if (!isAnswered || isWaiting(last) || this.turn?.messageId !== last.id) return;
    await this.#queue(last.id, this.turn.userMessageId, this.store.chunks().length);
  }

  /** Works on queued turns until the actor stops. */
  async work(): Promise<void> {
    for await (const { body } of this.#c.queue.iter({ names: [queueName] })) await this.#run(String(body));
  }

  /** Adds a message of the user and queues its answer. The id of the last message of the user returns its turn. */
  send(message: UIMessage, replacesId?: string): Promise<ChatTurn> {
    return this.#exclusively(() => this.#send(message, replacesId));
  }

  async #send(message: UIMessage, replacesId: string | undefined): Promise<ChatTurn> {
    const known = this.store.find(message.id);
    if (known !== undefined && replacesId === undefined && this.turn?.userMessageId === known.id)
      return this.turn;
    if (this.isBusy) throw answerRunning();
    const isUnanswered = known !== undefined && this.store.last()?.id === known.id;
    if (known !== undefined && replacesId === undefined && !isUnanswered)
      throw invalidRequest(`the message "${message.id}" is part of the conversation already`);
    if (replacesId !== undefined) await this.#remove(replacesId);
    const before = this.store.last();
    if (before?.role === "assistant" && before.parts.some((part) => isOpenPart(part))) {
      const settled = withoutOpenCalls(before, "No answer was given");
      await this.store.put(settled);
      this.#c.broadcast("message", settled);
    }
    await this.store.put(message);
    this.#c.broadcast("message", message);
    return await this.#queue(newId(), message.id, 0);
  }

  /** Makes the answer to the last message of the user again; `messageId` is that answer, or a message of the user. */
  regenerate(messageId: string | undefined): Promise<ChatTurn> {
    return this.#exclusively(() => this.#regenerate(messageId));
  }

  async #regenerate(messageId: string | undefined): Promise<ChatTurn> {
    if (this.isBusy) throw answerRunning();
    const target = messageId === undefined ? this.store.last() : this.store.find(messageId);
    if (target === undefined) throw unknownMessage(messageId ?? "");
    await this.#remove(target.id, target.role === "user");
    const asked = this.store.last();
    if (asked?.role !== "user") throw invalidRequest("no message of the user is before the answer");
    return await this.#queue(newId(), asked.id, 0);
  }

  /**
   * Takes replies to calls of the last message, and goes on with it when none is missing. Undefined while some are.
   * Throws `chat.unknown_approval`.
   */
  reply(replies: readonly Reply[]): Promise<ChatTurn | undefined> {
    // Of two clients that answer at once, the second finds that nothing waits any more.
    return this.#exclusively(() => this.#reply(replies));
  }

  async #reply(replies: readonly Reply[]): Promise<ChatTurn | undefined> {
    if (this.isBusy) throw answerRunning();
    const last = this.store.last();
    if (last?.role !== "assistant") throw invalidRequest("no message of the model waits");
    const chunks = replies.flatMap((reply) => replyChunks(last, reply));
    const before = this.turn?.messageId === last.id ? this.store.chunks().length : 0;
    if (this.turn?.messageId === last.id) {
      for (const [at, chunk] of chunks.entries())
        await this.store.addChunk(before + at, JSON.stringify(chunk));
    }
    const answered = await fold(last.id, last, chunks);
    await this.store.put(answered);
    this.#c.broadcast("message", answered);
    if (isWaiting(answered)) return undefined;
    return await this.#queue(last.id, this.turn?.userMessageId ?? "", before + chunks.length);
  }

  /** Stops the running answer, keeps what was said, and resolves when it has ended. False if there is none. */
  async stop(): Promise<boolean> {
    const { turn } = this;
    const writing = this.#writing;
    if (turn === undefined || writing === undefined) return false;
    if (turn.status === "queued") await this.#end(turn, writing, this.#openParts(turn), "stopped", "Stopped");
    else writing.stop.abort();
    await writing.live.finished();
    return true;
  }

  /** Resolves when the turn has ended. */
  async result(turnId: string): Promise<ChatResult> {
    if (this.turn?.id === turnId) await this.#writing?.live.finished();
    const { turn } = this;
    if (turn?.id !== turnId)
      throw new HoldfastError("chat", "unknown_turn", "Another turn has begun", { statusCode: 404 });
    return this.#resultOf(turn);
  }

  /** The last messages, oldest first, with what the running turn has come to. */
  async messages(limit: number): Promise<UIMessage[]> {
    const messages = this.store.latest(limit);
    const { turn } = this;
    const written = this.#writing?.live.chunks.slice(turn?.firstChunk) ?? [];
    if (turn === undefined || written.length === 0) return messages;
    const base = messages.at(-1)?.id === turn.messageId ? messages.pop() : undefined;
    return [...messages, await fold(turn.messageId, base, written)].slice(-limit);
  }

  approvals(): PendingApproval[] {
    const last = this.store.last();
    return last === undefined || this.isBusy ? [] : approvalsOf(last);
  }

  /** The stream of the message that is written, or was written last. */
  stream(): LiveTurn<UIMessageChunk> {
    if (this.#writing !== undefined) return this.#writing.live;
    const written = new LiveTurn(this.store.chunks());
    written.end();
    return written;
  }

  /** Forgets everything that was said. */
  clear(): Promise<void> {
    return this.#exclusively(async () => {
      if (this.isBusy) throw answerRunning();
      const first = this.store.all()[0];
      await this.store.clear();
      this.#c.state.turn = undefined;
      if (first !== undefined) this.#c.broadcast("removed", { messageId: first.id });
    });
  }

  /** Interrupts the running answer, since its actor is leaving memory. */
  async sleep(): Promise<void> {
    const writing = this.#writing;
    if (writing === undefined || this.turn?.status !== "running") return;
    this.#isLeaving = true;
    writing.stop.abort();
    await writing.live.finished();
  }

  /** Changes of the conversation come one after the other. */
  #exclusively<T>(change: () => Promise<T>): Promise<T> {
    const changed = this.#changes.then(change);
    this.#changes = changed.catch(() => undefined);
    return changed;
  }

  async #remove(id: string, keepsIt = false): Promise<void> {
    await this.store.removeFrom(id, keepsIt);
    this.#c.broadcast("removed", { messageId: id });
  }

  async #queue(messageId: string, userMessageId: string, firstChunk: number): Promise<ChatTurn> {
    if (firstChunk === 0) await this.store.dropChunks();
    const turn: ChatTurn = {
      ...{ id: newId(), status: "queued", messageId, userMessageId, firstChunk },
      createdAt: systemClock.now(),
    };
    this.#c.state.turn = turn;
    this.#open();
    await this.#c.queue.send(queueName, turn.id);
    this.#c.broadcast("turn", turn);
    return turn;
  }

  #open(): Writing {
    this.#writing = { live: new LiveTurn(this.store.chunks()), stop: new AbortController() };
    return this.#writing;
  }

  /** What the turn begins with: a continued message has calls whose outcome is to come. */
  #openParts({ messageId }: ChatTurn): OpenParts {
    const open = new OpenParts();
    const base = this.store.find(messageId);
    for (const part of base?.parts ?? []) if (isOpenPart(part)) open.addCall(part.toolCallId);
    return open;
  }

  async #run(turnId: string): Promise<void> {
    const { turn } = this;
    const writing = this.#writing;
    if (turn?.id !== turnId || turn.status !== "queued" || writing === undefined) return;
    const running: ChatTurn = { ...turn, status: "running" };
    this.#c.state.turn = running;
    this.#c.broadcast("turn", running);
    const open = this.#openParts(turn);
    const { signal } = writing.stop;
    try {
      await this.#write(running, writing, open);
    } catch (error) {
      if (!signal.aborted) await this.#push(writing, open, [{ type: "error", errorText: this.#told(error) }]);
    }
    if (signal.aborted && this.#isLeaving)
      await this.#end(running, writing, open, "interrupted", interruptedText);
    else if (signal.aborted) await this.#end(running, writing, open, "stopped", "Stopped");
    else if (open.error === undefined) await this.#end(running, writing, open, "completed");
    else await this.#end(running, writing, open, "failed", open.error);
  }

  async #write(turn: ChatTurn, writing: Writing, open: OpenParts): Promise<void> {
    const { signal } = writing.stop;
    const uiMessages = this.store.all();
    const given = await this.#options.answer(this.#c, {
      messages: await convertToModelMessages(uiMessages),
      uiMessages,
      abortSignal: signal,
    });
    const stream =
      given instanceof ReadableStream
        ? given
        : given.toUIMessageStream({
            originalMessages: uiMessages,
            generateMessageId: () => turn.messageId,
            onError: (error) => this.#told(error),
            sendReasoning: this.#options.sendReasoning ?? true,
            sendSources: this.#options.sendSources ?? false,
          });
    const reader = stream.getReader();
    // A model that does not listen to the signal is left alone.
    signal.addEventListener("abort", () => void reader.cancel().catch(() => undefined), { once: true });
    for (let bytes = 0; ; ) {
      const { value: chunk, done } = await reader.read();
      if (done || signal.aborted) return;
      const named =
        chunk.type === "start" ? { ...chunk, messageId: turn.messageId } : (chunk satisfies UIMessageChunk);
      bytes += await this.#push(writing, open, [named]);
      if (bytes <= chatLimits.maxStreamBytes) continue;
      await reader.cancel();
      const message = `The answer is longer than ${chatLimits.maxStreamBytes} bytes`;
      throw new HoldfastError("chat", "answer_too_long", message);
    }
  }

  /** Appends chunks to the stream; returns their size as JSON. */
  async #push(writing: Writing, open: OpenParts, chunks: readonly UIMessageChunk[]): Promise<number> {
    let bytes = 0;
    for (const chunk of chunks) {
      const json = JSON.stringify(chunk);
      bytes += Buffer.byteLength(json);
      await this.store.addChunk(writing.live.chunks.length, json);
      open.observe(chunk);
      writing.live.push(chunk);
    }
    return bytes;
  }

  async #end(
    turn: ChatTurn,
    writing: Writing,
    open: OpenParts,
    status: Exclude<TurnStatus, "queued" | "running">,
    why?: string,
  ): Promise<void> {
    if (why !== undefined) await this.#push(writing, open, open.closing(why));
    if (status === "interrupted")
      await this.#push(writing, open, [{ type: "error", errorText: interruptedText }]);
    if (status === "stopped") await this.#push(writing, open, [{ type: "abort", reason: "stopped" }]);
    if (!open.hasFinished) await this.#push(writing, open, [{ type: "finish" }]);
    const base = this.store.find(turn.messageId);
    const message = await fold(turn.messageId, base, writing.live.chunks.slice(turn.firstChunk));
    if (message.parts.length > 0) await this.store.put(message);
    const ended: ChatTurn = {
      ...{ ...turn, status, settledAt: systemClock.now() },
      ...(status === "failed" && why !== undefined ? { error: why } : {}),
    };
    this.#c.state.turn = ended;
    await this.#tellProgram(ended);
    if (message.parts.length > 0) this.#c.broadcast("message", message);
    this.#c.broadcast("turn", ended);
    this.#writing = undefined;
    writing.live.end();
  }

  async #tellProgram(turn: ChatTurn): Promise<void> {
    try {
      await this.#options.onTurnEnd?.(this.#c, this.#resultOf(turn));
    } catch (error) {
      this.#c.log.error("onTurnEnd of a chat failed", { cause: messageOf(error) });
    }
  }

  #resultOf(turn: ChatTurn): ChatResult {
    const message = this.store.find(turn.messageId);
    return { turn, text: message === undefined ? "" : textOf(message), message };
  }

  /** What people are told of an error. */
  #told(error: unknown): string {
    this.#c.log.warn("an answer of a chat failed", { cause: messageOf(error) });
    if (error instanceof HoldfastError && error.public) return error.message;
    return this.#options.onError?.(error) ?? "The model could not answer";
  }
}

function isOpenPart(part: UIMessage["parts"][number]): part is typeof part & { toolCallId: string } {
  const call = toolPart(part);
  return call !== undefined && isOpen(call);
}

function newId(): string {
  return uuidv7(systemClock, systemRandom);
}

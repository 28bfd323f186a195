import { createHash, randomUUID } from "node:crypto";
import { isHoldfastError } from "@holdfast/core";
import { isRecord, problem } from "../../http/problem.ts";
import type { SessionLog } from "../store/session-log.ts";
import type { SessionStore } from "../store/store.ts";
import type { PromptError, PromptRecord, PromptStatus, PromptView, Recovery } from "../types.ts";

export type ContentBlocks = readonly Readonly<Record<string, unknown>>[];

/** The part of a session that the queue uses. */
export interface PromptHost {
  /** False while a turn runs, including one of a raw client. */
  isFree(): boolean;
  /** Throws `session_not_found` once the session is being deleted. */
  assertNotDeleted(): void;
  /** Starts the agent or recovers the session if necessary. */
  attach(): Promise<Recovery | undefined>;
  /** Runs one turn; resolves to the agent's result. */
  turn(content: ContentBlocks): Promise<Readonly<Record<string, unknown>>>;
  isClosing(): boolean;
  onChange(): void;
  /** Called when a state change could not be stored. */
  onFailedWrite(error: unknown): void;
}

export interface QueueOptions {
  readonly store: SessionStore;
  readonly key: number;
  readonly sessionId: string;
  readonly log: SessionLog;
  readonly maxQueued: number;
  readonly host: PromptHost;
}

/**
 * Queue of the prompts of one session, one turn at a time. A prompt is stored before it is acknowledged, and passed to
 * the agent at most once: one that was running when the server died is "interrupted".
 */
export class PromptQueue {
  readonly #options: QueueOptions;
  readonly #waiters = new Map<string, ((view: PromptView) => void)[]>();
  /** Settled prompts whose outcome could not be stored. The disk still has their previous state. */
  readonly #unwritten = new Map<string, PromptRecord>();
  #queued: PromptRecord[] = [];
  #current: PromptRecord | undefined;
  /** Set if the current prompt was cancelled before its turn began, or if its agent was ended to cancel it. */
  #isCancelled = false;
  /** Position of the next prompt in the order of all prompts. */
  #position: number;

  constructor(options: QueueOptions) {
    this.#options = options;
    const prompts = options.store.prompts(options.key);
    this.#position = prompts.length;
    for (const prompt of prompts) {
      if (prompt.status === "queued") this.#queued.push(prompt);
      if (prompt.status === "running") this.#interrupt(prompt);
    }
  }

  /** Prompts that wait for their turn. */
  get queued(): number {
    return this.#queued.length;
  }

  get currentId(): string | undefined {
    return this.#current?.id;
  }

  list(): PromptView[] {
    const kept = this.#options.store.prompts(this.#options.key);
    return kept.map((prompt) => toView(this.#unwritten.get(prompt.id) ?? prompt));
  }

  get(id: string): PromptView {
    const record = this.#find(id);
    if (record) return toView(record);
    throw problem("not_found", 404, `there is no prompt "${id}"`, { details: { id, resource: "prompt" } });
  }

  #find(id: string): PromptRecord | undefined {
    return this.#unwritten.get(id) ?? this.#options.store.prompt(this.#options.key, id);
  }

  /**
   * Stores a prompt. A retry with the same id and content returns the stored one. Throws `conflict` if the content
   * differs.
   */
  accept(id: string | undefined, content: ContentBlocks): PromptView {
    const { sessionId, maxQueued, host } = this.#options;
    host.assertNotDeleted();
    const known = id === undefined ? undefined : this.#find(id);
    if (known) {
      const [kept, given] = [known.content, content].map((each) => JSON.stringify(each));
      if (kept === given || kept === JSON.stringify(computeDigest(content))) return toView(known);
      throw problem("conflict", 409, `the session has another prompt with the id "${id}"`);
    }
    if (this.#queued.length >= maxQueued) {
      throw problem("too_many_prompts", 429, `the session has ${maxQueued} prompts waiting`);
    }
    const record: PromptRecord = {
      id: id ?? randomUUID(),
      sessionId,
      status: "queued",
      createdAt: Date.now(),
      content,
    };
    this.#store(record);
    this.#position += 1;
    this.#queued.push(record);
    this.pump();
    return this.get(record.id);
  }

  /** Resolves when the prompt is settled. */
  async waitUntilSettled(id: string): Promise<PromptView> {
    const view = this.get(id);
    if (view.status !== "queued" && view.status !== "running") return view;
    return await new Promise((resolve) => {
      const waiters = this.#waiters.get(id) ?? [];
      this.#waiters.set(id, waiters);
      waiters.push(resolve);
    });
  }

  /** Cancels queued prompts: all, or the one with this id. Returns their ids. */
  drop(id?: string): string[] {
    const dropped = this.#queued.filter((prompt) => id === undefined || prompt.id === id);
    this.#queued = this.#queued.filter((prompt) => !dropped.includes(prompt));
    for (const prompt of dropped) this.#settle(prompt, { status: "cancelled" });
    return dropped.map((prompt) => prompt.id);
  }

  /** Marks the current prompt as cancelled, however its turn ends. Returns its id. */
  cancelCurrent(): string | undefined {
    if (!this.#current) return undefined;
    this.#isCancelled = true;
    // The agent does not have the prompt yet, so it can be cancelled immediately.
    if (this.#current.status === "queued") {
      const current = this.#current;
      this.#current = undefined;
      this.#settle(current, { status: "cancelled" });
      return current.id;
    }
    return this.#current.id;
  }

  /** Starts the next prompt unless a turn runs. */
  pump(): void {
    const { host } = this.#options;
    if (this.#current || host.isClosing() || !host.isFree()) return;
    const next = this.#queued.shift();
    if (!next) return;
    this.#current = next;
    this.#isCancelled = false;
    void this.#run(next);
  }

  async #run(prompt: PromptRecord): Promise<void> {
    const { host } = this.#options;
    const stillCurrent = () => this.#current?.id === prompt.id;
    let running = prompt;
    try {
      const recovery = await host.attach();
      if (!stillCurrent()) return;
      running = { ...prompt, status: "running", startedAt: Date.now(), ...(recovery && { recovery }) };
      this.#current = running;
      this.#store(running);
      const result = await host.turn(prompt.content);
      const stopReason = typeof result.stopReason === "string" ? result.stopReason : undefined;
      const status = stopReason === "cancelled" ? "cancelled" : "completed";
      this.#settle(running, { status, result, ...(stopReason === undefined ? {} : { stopReason }) });
    } catch (error) {
      if (stillCurrent()) this.#settle(running, this.#failure(error));
    } finally {
      if (stillCurrent()) this.#current = undefined;
      host.onChange();
      this.pump();
    }
  }

  #failure(error: unknown): { status: PromptStatus; error?: PromptError; stopReason?: string } {
    if (this.#isCancelled) return { status: "cancelled", stopReason: "cancelled" };
    if (this.#options.host.isClosing()) {
      return { status: "interrupted", error: { code: "server_closed", message: "The server was closed" } };
    }
    if (!isHoldfastError(error))
      return { status: "failed", error: { code: "internal_error", message: String(error) } };
    const { code, message, metadata } = error;
    return {
      status: "failed",
      error: { code, message, ...(metadata === undefined ? {} : { data: metadata }) },
    };
  }

  #interrupt(prompt: PromptRecord): void {
    const error = {
      code: "server_died",
      message: "The server ended in this turn; how far it came is unknown",
    };
    this.#store({ ...prompt, status: "interrupted", error, settledAt: Date.now() });
  }

  #settle(prompt: PromptRecord, outcome: Partial<PromptView>): void {
    // A store in memory keeps contents in the bounded log only; a digest is enough to recognize a retry.
    const content = this.#options.store.durable ? prompt.content : computeDigest(prompt.content);
    const settled = { ...prompt, ...outcome, content, settledAt: Date.now() };
    try {
      this.#store(settled);
    } catch (error) {
      // If the disk is full, callers still get the outcome. After a restart the stored state counts.
      this.#unwritten.set(prompt.id, settled);
      this.#options.host.onFailedWrite(error);
    }
    for (const resolve of this.#waiters.get(prompt.id) ?? []) resolve(toView(settled));
    this.#waiters.delete(prompt.id);
  }

  #store(record: PromptRecord): void {
    // Retry earlier failed writes first, so that the log preserves the order of events.
    for (const unkept of this.#unwritten.values()) {
      this.#write(unkept);
      this.#unwritten.delete(unkept.id);
    }
    this.#write(record);
    this.#options.host.onChange();
  }

  #write(record: PromptRecord): void {
    const { store, key, log } = this.#options;
    log.notice("prompt", toView(record), () => store.putPrompt(key, this.#position, record));
  }
}

function toView(record: PromptRecord): PromptView {
  const { content: _content, ...view } = record;
  return view;
}

/** Digest that replaces the content of a settled prompt. */
function computeDigest(content: ContentBlocks): ContentBlocks {
  return [{ sha256: createHash("sha256").update(JSON.stringify(content)).digest("hex") }];
}

/** Returns the content blocks of a prompt given as text or as blocks; undefined for anything else. */
export function parseContent(prompt: unknown): ContentBlocks | undefined {
  if (typeof prompt === "string") return prompt === "" ? undefined : [{ type: "text", text: prompt }];
  if (!Array.isArray(prompt) || prompt.length === 0) return undefined;
  const blocks = prompt.filter(isRecord);
  return blocks.length === prompt.length ? blocks : undefined;
}

import { EventEmitter, once } from "node:events";
import { type Clock, isErrorCode, type Logger } from "@holdfast/core";
import { approvalNotFound, gateClosed } from "./approval-book.ts";
import { bindingOf, questionOf } from "./approval-question.ts";
import type {
  Approval,
  ApprovalDecision,
  ApprovalFilter,
  ApprovalRequest,
  Approvals,
  ApprovedCall,
} from "./approvals.ts";
import type { SharedApprovals } from "./shared-approvals.ts";

export interface NodeApprovalsOptions {
  readonly shared: SharedApprovals;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Shortest pause before a record that is waited for is read again, when nothing was heard of it. */
const leastPauseMs = 1_000;
/** Ids of requested records that are remembered. */
const maxKnown = 10_000;

/** Event for a record that `request` returns for the first time; every other event is named after a record's id. */
const askedEvent = Symbol("asked");

/**
 * Approvals of the gate of a node. The records are those of all nodes: each can be answered at any of them, and is found
 * again by a call that is repeated at another one.
 */
export class NodeApprovals implements Approvals {
  readonly #options: NodeApprovalsOptions;
  readonly #changes = new EventEmitter().setMaxListeners(0);
  readonly #known = new Set<string>();
  #end: (() => void) | undefined;
  #closed = false;

  constructor(options: NodeApprovalsOptions) {
    this.#options = options;
  }

  /** Hears of changes at other nodes from now on. Before, and when it cannot hear, waiting takes longer. */
  join(): void {
    this.#end ??= this.#options.shared.onChange((id) => {
      if (id !== undefined) this.#changes.emit(id);
      else this.#wakeAll();
    });
  }

  leave(): void {
    this.#end?.();
    this.#end = undefined;
  }

  close(): void {
    this.#closed = true;
    this.leave();
    // Rejects every waiter; without a listener the "error" event would throw.
    if (this.#changes.listenerCount("error") > 0) this.#changes.emit("error", gateClosed());
  }

  async request(request: ApprovalRequest): Promise<Approval> {
    const record = await this.#options.shared.request(questionOf(request));
    if (record.state === "pending" && this.#isNew(record.id)) this.#changes.emit(askedEvent, record);
    return record;
  }

  #isNew(id: string): boolean {
    if (this.#known.has(id)) return false;
    this.#known.add(id);
    const [oldest] = this.#known;
    if (this.#known.size > maxKnown && oldest !== undefined) this.#known.delete(oldest);
    return true;
  }

  get(id: string): Promise<Approval | undefined> {
    return this.#options.shared.get(id);
  }

  list(filter: ApprovalFilter = {}): Promise<readonly Approval[]> {
    return this.#options.shared.list(filter);
  }

  async decide(id: string, decision: ApprovalDecision, by: string): Promise<Approval> {
    const record = await this.#options.shared.decide(id, decision, by);
    this.#changes.emit(id);
    return record;
  }

  consume(id: string, call: ApprovedCall): Promise<Approval> {
    return this.#options.shared.consume(id, bindingOf(call));
  }

  async cancelSession(session: string): Promise<number> {
    const cancelled = await this.#options.shared.cancelSession(session);
    if (cancelled > 0) this.#wakeAll();
    return cancelled;
  }

  onAsked(listener: (approval: Approval) => void): () => void {
    this.#changes.on(askedEvent, listener);
    return () => this.#changes.off(askedEvent, listener);
  }

  async wait(id: string, signal?: AbortSignal): Promise<Approval> {
    for (;;) {
      if (this.#closed) throw gateClosed();
      signal?.throwIfAborted();
      const over = new AbortController();
      // Listens before it reads: a change in between is heard.
      const changed = once(this.#changes, id, {
        signal: signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]),
      });
      // It rejects when this wait is over, also where nobody awaits it any more.
      changed.catch(() => {});
      try {
        const record = await this.#read(id);
        if (record !== undefined && record.state !== "pending") return record;
        const leftMs = record === undefined ? 0 : record.expiresAt - this.#options.clock.now();
        const timer = setTimeout(() => this.#changes.emit(id), Math.max(leftMs, leastPauseMs));
        timer.unref();
        await changed.finally(() => clearTimeout(timer));
      } finally {
        over.abort();
      }
    }
  }

  /** Undefined if the record cannot be read at the moment. Throws `approval.not_found`. */
  async #read(id: string): Promise<Approval | undefined> {
    try {
      const record = await this.#options.shared.get(id);
      if (record === undefined) throw approvalNotFound();
      return record;
    } catch (error) {
      if (isErrorCode(error, "approval", "not_found")) throw error;
      this.#options.log.warn("an approval could not be read, and will be read again", { id, error });
      return undefined;
    }
  }

  #wakeAll(): void {
    for (const event of this.#changes.eventNames()) {
      if (event !== askedEvent && event !== "error") this.#changes.emit(event);
    }
  }
}

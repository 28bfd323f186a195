import { createHash } from "node:crypto";
import { brokerLimits } from "./broker-limits.ts";

/** A call that is running, or whose answer is cached. */
export interface CachedCall {
  readonly key: string;
  /** Digest of the frame: the same correlation with a different frame is a conflict. */
  readonly digest: string;
  readonly cancel: AbortController;
  /** Receivers of the answer: one for each time the frame arrived. */
  readonly waiting: { readonly flags: number; readonly id: Buffer }[];
  answer: Buffer | undefined;
  /** When the answer was cached, on the monotonic clock: after a clock change the call could run twice. */
  at: number;
}

export function digestOf(frame: Buffer): string {
  return createHash("sha256").update(frame).digest("base64");
}

/**
 * Running and answered calls of one jail, by connection and correlation. A repeated frame joins its call. Cached
 * answers are limited in number and size; the oldest are dropped first.
 */
export class CallCache {
  readonly #running = new Map<string, CachedCall>();
  readonly #answered = new Map<string, CachedCall>();
  #bytes = 0;

  static key(id: Buffer, correlation: string): string {
    return `${id.toString("latin1")}\0${correlation}`;
  }

  get running(): number {
    return this.#running.size;
  }

  get(key: string, now: number): CachedCall | undefined {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const answered = this.#answered.get(key);
    if (answered !== undefined && now - answered.at > brokerLimits.keptAnswerMs) {
      this.#forget(answered);
      return undefined;
    }
    return answered;
  }

  start(call: CachedCall): void {
    this.#running.set(call.key, call);
  }

  /** Ends a call. Pass `keep` when the call had an effect that must not happen twice. */
  end(call: CachedCall, answer: Buffer, keep: boolean, now: number): void {
    this.#running.delete(call.key);
    if (!keep) return;
    call.answer = answer;
    call.at = now;
    this.#answered.set(call.key, call);
    this.#bytes += answer.length;
    for (const [, oldest] of this.#answered) {
      if (this.#answered.size <= brokerLimits.maxKeptAnswers && this.#bytes <= brokerLimits.maxKeptBytes)
        break;
      this.#forget(oldest);
    }
  }

  #forget(call: CachedCall): void {
    if (this.#answered.delete(call.key)) this.#bytes -= call.answer?.length ?? 0;
  }

  /** Aborts running calls. */
  cancel(reason: unknown, which: (call: CachedCall) => boolean = () => true): void {
    for (const call of this.#running.values()) if (which(call)) call.cancel.abort(reason);
  }
}

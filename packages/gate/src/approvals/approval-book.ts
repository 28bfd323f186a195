import { type Clock, HoldfastError, systemRandom, uuidv7 } from "@holdfast/core";
import { approvalLimits } from "./approval-limits.ts";
import type { ApprovalQuestion } from "./approval-question.ts";
import type { Approval, ApprovalDecision, ApprovalState } from "./approvals.ts";

/** Port: where records are kept. Each call is one atomic step; a `save` that throws has changed nothing. */
export interface ApprovalRecords {
  get(id: string): Approval | undefined;
  /** The record of a call that is pending or allowed. */
  open(binding: string): Approval | undefined;
  /** The newest denied record of a call. */
  denied(binding: string): Approval | undefined;
  /** Pending and allowed records of a session. */
  openOf(session: string): readonly Approval[];
  /** Numbers of pending records. */
  pending(session: string): { readonly own: number; readonly total: number };
  /** Inserts a record, or replaces the one with its id. */
  save(record: Approval): void;
}

/** The state that each decision leads to. */
const stateByDecision: Readonly<Record<ApprovalDecision, ApprovalState>> = {
  allow: "allowed",
  allow_for_session: "allowed",
  deny: "denied",
};

/** The rules of approvals, over the records of one gate or those of all nodes. */
export class ApprovalBook {
  readonly #records: ApprovalRecords;
  readonly #clock: Clock;
  readonly #onChange: (record: Approval) => void;

  /** `onChange` is called with each record whose state has changed. */
  constructor(records: ApprovalRecords, clock: Clock, onChange: (record: Approval) => void) {
    this.#records = records;
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /**
   * The open record of the same call, the denial of it that still holds, or a new pending record.
   * Throws `approval.too_many`.
   */
  request(question: ApprovalQuestion): { readonly record: Approval; readonly isNew: boolean } {
    const { binding, origin, timeoutMs, denialHolds, ...shown } = question;
    const open = this.#coversOrigin(question, this.#open(binding));
    if (open) return { record: this.#addOrigin(open, origin), isNew: false };
    const denied = denialHolds === true ? this.#denied(binding) : undefined;
    if (denied) return { record: denied, isNew: false };
    this.#checkRoom(question.session);
    const now = this.#clock.now();
    const record: Approval = {
      ...{ id: uuidv7(this.#clock, systemRandom), binding, state: "pending", ...shown },
      ...{ createdAt: now, expiresAt: now + timeoutMs },
      ...(origin === undefined ? {} : { origin }),
    };
    this.#records.save(record);
    return { record, isNew: true };
  }

  get(id: string): Approval | undefined {
    const record = this.#records.get(id);
    return record && this.expire(record);
  }

  /** Expires an approval that was not answered or used in time; on every read. */
  expire(record: Approval): Approval {
    const leftMs = record.expiresAt - this.#clock.now();
    if (!isOpen(record) || (leftMs > 0 && leftMs <= approvalLimits.maxLeftMs)) return record;
    return this.#change(record, "expired");
  }

  /** Throws `approval.not_found`, `approval.not_pending`, `approval.invalid_decision`. */
  decide(id: string, decision: ApprovalDecision, by: string): Approval {
    // An unknown decision must not allow anything.
    if (!Object.hasOwn(stateByDecision, decision))
      throw fail("invalid_decision", 400, `An answer is one of ${Object.keys(stateByDecision).join(", ")}`);
    const record = this.#require(id);
    if (record.state !== "pending") throw fail("not_pending", 409, `The approval is already ${record.state}`);
    const decidedAt = this.#clock.now();
    return this.#change(record, stateByDecision[decision], {
      ...{ decidedAt, decidedBy: by },
      ...(decision === "allow_for_session"
        ? { forSession: true, expiresAt: decidedAt + approvalLimits.sessionMs }
        : {}),
    });
  }

  /** Throws `approval.not_found`, `approval.not_allowed`, `approval.mismatch`. */
  consume(id: string, binding: string): Approval {
    const record = this.#require(id);
    if (record.binding !== binding) throw fail("mismatch", 409, "The approval is for another call");
    if (record.state !== "allowed")
      throw fail("not_allowed", 409, `The approval is ${record.state}, so it cannot be used`);
    return record.forSession === true ? record : this.#change(record, "consumed");
  }

  cancelSession(session: string): number {
    const open = this.#records.openOf(session).filter((record) => isOpen(this.expire(record)));
    for (const record of open) this.#change(record, "cancelled");
    return open.length;
  }

  /** Throws `approval.too_many`. */
  #checkRoom(session: string): void {
    const { own, total } = this.#records.pending(session);
    if (own >= approvalLimits.maxPendingOfSession)
      throw fail("too_many", 429, "Too many approvals of this session are waiting");
    if (total >= approvalLimits.maxPending) throw fail("too_many", 429, "Too many approvals are waiting");
  }

  /** A session-wide approval does not cover untrusted content that arrived after it. */
  #coversOrigin({ origin }: ApprovalQuestion, open: Approval | undefined): Approval | undefined {
    if (open?.forSession !== true || origin === undefined || open.origin !== undefined) return open;
    this.#change(open, "cancelled");
    return undefined;
  }

  /** Adds an origin that became known after the request to a pending approval. */
  #addOrigin(record: Approval, origin: string | undefined): Approval {
    if (record.origin !== undefined || origin === undefined || record.state !== "pending") return record;
    const named = { ...record, origin };
    this.#records.save(named);
    return named;
  }

  /** The pending or allowed record of the same call. */
  #open(binding: string): Approval | undefined {
    const found = this.#records.open(binding);
    const record = found && this.expire(found);
    return record && isOpen(record) ? record : undefined;
  }

  /** The recent denial of the same call, if it still holds. */
  #denied(binding: string): Approval | undefined {
    const record = this.#records.denied(binding);
    return record && this.holdsDenial(record) ? record : undefined;
  }

  /** True for a denial that still denies repetitions of its call. */
  holdsDenial({ state, decidedAt = 0 }: Approval): boolean {
    // The record lies in the future if the clock was put back.
    const agoMs = Math.abs(this.#clock.now() - decidedAt);
    return state === "denied" && agoMs < approvalLimits.denialHoldMs;
  }

  #require(id: string): Approval {
    const record = this.get(id);
    if (!record) throw approvalNotFound();
    return record;
  }

  #change(record: Approval, state: ApprovalState, answer: Partial<Approval> = {}): Approval {
    const changed = { ...record, ...answer, state };
    this.#records.save(changed);
    this.#onChange(changed);
    return changed;
  }
}

/** True while a record can still be answered or used. */
export function isOpen({ state }: Approval): boolean {
  return state === "pending" || state === "allowed";
}

export function approvalNotFound(): HoldfastError {
  return fail("not_found", 404, "There is no such approval");
}

export function gateClosed(): HoldfastError {
  return new HoldfastError("gate", "closed", "The gate is closed", { statusCode: 503 });
}

function fail(code: string, status: number, message: string): HoldfastError {
  return new HoldfastError("approval", code, message, { statusCode: status });
}

import type { ApprovalQuestion } from "./approval-question.ts";
import type { Approval, ApprovalDecision, ApprovalFilter } from "./approvals.ts";

/** Port: the records of approvals for the gates of all nodes, kept by the rules of `ApprovalBook`. */
export interface SharedApprovals {
  /** Durable when it resolves. Throws `approval.too_many`. */
  request(question: ApprovalQuestion): Promise<Approval>;
  get(id: string): Promise<Approval | undefined>;
  /** Oldest first. */
  list(filter: ApprovalFilter): Promise<readonly Approval[]>;
  /** Of several answers, the first counts. Throws `approval.not_found`, `.not_pending`, `.invalid_decision`. */
  decide(id: string, decision: ApprovalDecision, by: string): Promise<Approval>;
  /** Of several nodes, one may use a record. Throws `approval.not_found`, `approval.not_allowed`, `approval.mismatch`. */
  consume(id: string, binding: string): Promise<Approval>;
  /** Returns the number of records that were pending or allowed. */
  cancelSession(session: string): Promise<number>;
  /**
   * Calls `listener` with the id of each record that has changed at any node, and without one when changes may have been
   * missed. Returns a function that ends it.
   */
  onChange(listener: (id: string | undefined) => void): () => void;
}

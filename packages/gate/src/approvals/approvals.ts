/** Approvals: what is shown to a person, and what was answered. */
import type { PolicyRule } from "../policy/rule.ts";

/** How a question stands; `consumed` was allowed, and its call has used it up. */
export type ApprovalState = "pending" | "allowed" | "denied" | "expired" | "cancelled" | "consumed";

/** The call that needs an approval. */
export interface ApprovalRequest {
  readonly session: string;
  readonly tool: string;
  /** Of what answers the tool: an approval of one version is none of another. */
  readonly version?: string;
  /** Structured arguments; the record is bound to their canonical form. */
  readonly arguments: unknown;
  /** For people; shown escaped. */
  readonly title?: string;
  /** 300,000 by default. */
  readonly timeoutMs?: number;
  /** A narrow rule that would answer the like of it beforehand; shown, and in force nowhere. */
  readonly proposal?: PolicyRule;
  /** Where words came from that may have led to the call; shown escaped, on one line. */
  readonly origin?: string;
  /** A denial of the same call answers for five minutes: whoever insists does not ask a person again. */
  readonly denialHolds?: boolean;
}

/**
 * A person's answer. "allow_for_session" also answers each further call that is the same in tool, version
 * and arguments, for a day at most, until the session ends or words from outside enter it.
 */
export type ApprovalDecision = "allow" | "allow_for_session" | "deny";

/** What an approval is for. */
export type ApprovedCall = Pick<ApprovalRequest, "session" | "tool" | "version" | "arguments">;

/** A question to a person about one tool call, and how it stands. */
export interface Approval {
  readonly id: string;
  readonly session: string;
  readonly tool: string;
  /** SHA-256 of (tool, its version, canonical arguments, session), hex. */
  readonly binding: string;
  readonly state: ApprovalState;
  /** Plain text: control, bidi and ANSI characters are escaped, truncation is marked. */
  readonly title: string;
  readonly detail: string;
  readonly truncated: boolean;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly decidedAt?: number;
  readonly decidedBy?: string;
  /** It is not used up: see {@link ApprovalDecision}. */
  readonly forSession?: true;
  /** A narrow rule that would answer the like of it beforehand; in force nowhere. */
  readonly proposal?: PolicyRule;
  /** What brought words from outside into the session: they may have led to the call. Plain text. */
  readonly origin?: string;
}

/** The questions to people about tool calls, and their answers. */
export interface Approvals {
  /**
   * The pending (or allowed and not yet consumed) record of the same call, or a new pending one; with
   * `denialHolds`, the denied one that still holds.
   */
  request(request: ApprovalRequest): Promise<Approval>;
  get(id: string): Approval | undefined;
  list(filter?: { readonly session?: string; readonly state?: ApprovalState }): readonly Approval[];
  /** Throws `approval.not_found`, `approval.not_pending`, `approval.invalid_decision`. */
  decide(id: string, decision: ApprovalDecision, by: string): Promise<Approval>;
  /**
   * Uses an allowed record, for exactly this call: up, unless it is for the session.
   * Throws `approval.not_found`, `approval.not_allowed`, `approval.mismatch`.
   */
  consume(id: string, call: ApprovedCall): Promise<Approval>;
  /** Cancels what is pending or allowed; returns how many. */
  cancelSession(session: string): Promise<number>;
  /** Called with each new pending record. Returns how to stop. */
  onAsked(listener: (approval: Approval) => void): () => void;
  /**
   * Resolves when the record is no longer pending. Throws `approval.not_found`, the signal's reason, and
   * `gate.closed` when the gate closes first: the record stays open for the next one.
   */
  wait(id: string, signal?: AbortSignal): Promise<Approval>;
}

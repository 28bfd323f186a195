/** Approvals: requests shown to people, and their decisions. */
import type { PolicyRule } from "../policy/rule.ts";

/** State of an approval. `consumed`: it was allowed, and its call has used it. */
export type ApprovalState = "pending" | "allowed" | "denied" | "expired" | "cancelled" | "consumed";

/** The call that needs an approval. */
export interface ApprovalRequest {
  readonly session: string;
  readonly tool: string;
  /** Version of the tool's plugin. An approval is valid for this version only. */
  readonly version?: string;
  /** Structured arguments; the record is bound to their canonical form. */
  readonly arguments: unknown;
  /** For people; displayed escaped. */
  readonly title?: string;
  /** 300,000 by default. */
  readonly timeoutMs?: number;
  /** A narrow rule that would allow similar calls. Displayed only, not in force. */
  readonly proposal?: PolicyRule;
  /** Origin of untrusted content that may have caused the call; displayed escaped, on one line. */
  readonly origin?: string;
  /** True if a denial also denies repetitions of the call for five minutes, without asking a person again. */
  readonly denialHolds?: boolean;
}

/**
 * A person's decision. "allow_for_session" also allows further calls with the same tool, version and arguments, for at
 * most a day, until the session ends or receives untrusted content.
 */
export type ApprovalDecision = "allow" | "allow_for_session" | "deny";

/** The call that an approval is for. */
export type ApprovedCall = Pick<ApprovalRequest, "session" | "tool" | "version" | "arguments">;

/** A request for a person's approval of one tool call, and its state. */
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
  /** True if a call does not use it up; see {@link ApprovalDecision}. */
  readonly forSession?: true;
  /** A narrow rule that would allow similar calls; not in force. */
  readonly proposal?: PolicyRule;
  /** Origin of untrusted content in the session, which may have caused the call. Plain text. */
  readonly origin?: string;
}

/** Which approvals a list has; absent fields match everything. */
export interface ApprovalFilter {
  readonly session?: string;
  readonly state?: ApprovalState;
}

/** Approvals of tool calls by people. Gates that share them (`shared` of `createGate`) see those of all nodes. */
export interface Approvals {
  /**
   * The pending (or allowed and not yet consumed) record of the same call, or a new pending one; with
   * `denialHolds`, the denied one that still holds.
   */
  request(request: ApprovalRequest): Promise<Approval>;
  get(id: string): Promise<Approval | undefined>;
  /** Oldest first. */
  list(filter?: ApprovalFilter): Promise<readonly Approval[]>;
  /** Throws `approval.not_found`, `approval.not_pending`, `approval.invalid_decision`. */
  decide(id: string, decision: ApprovalDecision, by: string): Promise<Approval>;
  /**
   * Uses an allowed record for exactly this call, and consumes it unless it is for the session. Throws
   * `approval.not_found`, `approval.not_allowed`, `approval.mismatch`.
   */
  consume(id: string, call: ApprovedCall): Promise<Approval>;
  /** Cancels the pending and allowed records of a session. Returns their number. */
  cancelSession(session: string): Promise<number>;
  /**
   * Subscribes to pending records that `request` returns for the first time in this gate: to new ones, and to those that
   * another node has left. Returns a function that unsubscribes.
   */
  onAsked(listener: (approval: Approval) => void): () => void;
  /**
   * Resolves when the record is no longer pending. Throws `approval.not_found`, the signal's reason, or `gate.closed`
   * when the gate closes first; the record then stays open for the next gate.
   */
  wait(id: string, signal?: AbortSignal): Promise<Approval>;
}

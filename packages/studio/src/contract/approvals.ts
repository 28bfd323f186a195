import type { InboxTask } from "./inbox.ts";
import type { NotificationChoices } from "./notifications.ts";
import type { AccountActions } from "./people.ts";

/** A question for a person: from the agent (an ACP permission request) or from the gate. */
export interface ApprovalView {
  readonly id: string;
  /** Set for a question of the gate: the call does not leave the jail without an answer. */
  readonly boundary?: {
    readonly tool: string;
    /** Why the session is tainted. The untrusted text may have caused the question. */
    readonly origin?: string;
  };
  /** For a question of the gate: a narrow policy rule that would allow such calls in the future. */
  readonly proposal?: Readonly<Record<string, unknown>>;
  readonly title: string;
  /** ACP tool kind: edit, execute, read, ... */
  readonly kind?: string;
  /** The tool's input as text for people: escaped, and truncated at 16 KiB with `truncated` set. */
  readonly detail: string;
  readonly truncated: boolean;
  readonly options: readonly ApprovalOption[];
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface ApprovalOption {
  readonly id: string;
  readonly name: string;
  readonly kind: "allow_once" | "allow_always" | "reject_once" | "reject_always";
}

export interface ApprovalAnswer {
  readonly approvalId: string;
  readonly optionId: string;
}

export interface ApprovalAnswerOutcome {
  readonly approvalId: string;
  /** Why the answer was refused; same codes as `answer`. */
  readonly error?: { readonly group: string; readonly code: string; readonly message: string };
}

/** Who answered an approval, and how. */
export interface ApprovalAnsweredBy {
  /** Id of the person. */
  readonly person: string;
  /** Absent for the operator. */
  readonly name?: string;
  /** Name of the option. */
  readonly option: string;
  readonly isAllowed: boolean;
  readonly at: number;
}

/** An open approval of any task. */
export interface OpenApproval {
  readonly task: InboxTask;
  readonly approval: ApprovalView;
}

export interface ApprovalQueue {
  /** Oldest first; as many as fit into one answer. */
  readonly approvals: readonly OpenApproval[];
  readonly total: number;
  /** Incremented by every change. */
  readonly revision: number;
}

/** A change of the queue. A client that sees a gap between two revisions reads the queue again. */
export interface ApprovalQueuePatch {
  readonly revision: number;
  readonly added?: OpenApproval;
  readonly removed?: SettledApproval;
  readonly total: number;
}

export interface SettledApproval {
  readonly taskId: string;
  readonly approvalId: string;
  /** Absent if it expired, or its task was stopped or deleted. */
  readonly answer?: ApprovalAnsweredBy;
}

/** Actions of `attention`, whose key is the id of its organization. */
export interface AttentionActions extends AccountActions {
  approvals(): Promise<ApprovalQueue>;
  /** What holds for people who have not chosen themselves. Only what the organization has set. */
  notificationDefaults(): Promise<Partial<NotificationChoices>>;
  /** Replaces the defaults. Throws `notification.invalid_input`. */
  setNotificationDefaults(choices: Partial<NotificationChoices>): Promise<void>;
}

/** Events of `attention`. */
export interface AttentionEvents {
  approvalsChanged: ApprovalQueuePatch;
}

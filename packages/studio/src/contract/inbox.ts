/** All kinds of entries, the most urgent first. */
export const inboxKinds = [
  "asks",
  "review-requested",
  "handover",
  "mentioned",
  "failed",
  "finished",
  "ci-failed",
  "payment",
] as const satisfies readonly InboxKind[];

export type InboxKind =
  /** The last turn of a task has ended. */
  | "finished"
  /** A task cannot go on. */
  | "failed"
  /** A check of its open pull request failed. */
  | "ci-failed"
  /** The task is offered or assigned to the person, or another one has answered their offer. */
  | "handover"
  /** Somebody named the person in a prompt or a review, or their account in a comment at a forge. */
  | "mentioned"
  /** A pull request waits for a review by the person's account at the forge, or by a team of it. */
  | "review-requested"
  /** The agent or the gate waits for the answer to an approval, or the task for that about secrets of a fork. */
  | "asks"
  /** A payment of the plan failed, or succeeded later. Owners get it. */
  | "payment";

/** What has become of the payment of a plan: it failed, it is paid again, or the subscription ended unpaid. */
export type PaymentOutcome = "failed" | "paid" | "ended";

/** A task as the inbox shows it. */
export interface InboxTask {
  readonly id: string;
  readonly title: string;
  readonly repository: string;
  readonly agent: string;
  /** The session that this is about. Absent for the first one of its task. */
  readonly session?: { readonly id: string; readonly name: string };
}

/** A pull request or an issue of a connected repository. */
export interface ForgeItem {
  readonly kind: "pull-request" | "issue";
  /** Id of the connected repository. */
  readonly repositoryId: string;
  /** Its name at the forge. */
  readonly repository: string;
  readonly number: number;
  readonly title: string;
  readonly webUrl: string;
  /** Login at the forge. */
  readonly author: string;
  /** The task that has opened the pull request, if one has. */
  readonly taskId?: string;
}

/**
 * One thing that needs a person. Each session of a task has one entry for how its last turn ended, one for each open approval, which
 * goes with its answer, one for failed checks of its pull request, which goes when none fails any more, one for an
 * open offer of the task to the person, one for the open question about secrets of a fork, one for the last change of its owner, and one for the last mention of the person.
 * The payment of the organization's plan has one, for owners. A pull request has one for the review that it waits for, which
 * goes when it waits no more, and it and an issue have one for the last comment that mentions the person's account.
 */
export interface InboxEntry {
  readonly id: string;
  readonly kind: InboxKind;
  /** Absent for kind "payment", which is about the organization, and for what is about an item of a forge. */
  readonly task?: InboxTask;
  readonly item?: ForgeItem;
  /** Of kind "payment". */
  readonly payment?: PaymentOutcome;
  /** Title of the approval, message of the error, name of the pull request, who hands it over, who wrote what, or what follows for the plan; empty for a finished task. */
  readonly text: string;
  /** Of kind "asks", for an approval. */
  readonly approvalId?: string;
  /** True while the task goes on after this. */
  readonly isWorking: boolean;
  readonly createdAt: number;
  /** When something happened last. Entries are ordered by it. */
  readonly bumpedAt: number;
  /** When the person was last notified. What only bumps an entry does not change it. */
  readonly notifiedAt: number;
  readonly isUnread: boolean;
  readonly doneAt?: number;
  readonly snoozedUntil?: number;
}

const paymentTitles: Readonly<Record<PaymentOutcome, string>> = {
  failed: "A payment failed",
  paid: "The plan is paid again",
  ended: "The subscription has ended",
};

/** What an entry is about, in a few words. */
export function entryTitle({ task, item, payment }: Pick<InboxEntry, "task" | "item" | "payment">): string {
  if (item !== undefined) return `#${item.number} ${item.title}`;
  return task?.title ?? paymentTitles[payment ?? "failed"];
}

/** Which entries: those that wait for the person, those that come back later, or those that are done. */
export type InboxView = "open" | "snoozed" | "done";

export interface InboxQuery {
  /** By default "open". */
  readonly view?: InboxView;
  /** At most 100, by default 50. */
  readonly limit?: number;
  /** That of the page before. */
  readonly cursor?: string;
}

export interface InboxCounts {
  readonly open: number;
  /** Of the open ones. */
  readonly unread: number;
  readonly snoozed: number;
}

export interface InboxPage {
  /** The latest first. */
  readonly entries: readonly InboxEntry[];
  /** Absent on the last page. */
  readonly cursor?: string;
  readonly counts: InboxCounts;
  /** Incremented by every change. */
  readonly revision: number;
}

/** A change of an inbox. A client that sees a gap between two revisions reads the inbox again. */
export interface InboxPatch {
  readonly revision: number;
  /** New and changed entries. */
  readonly entries: readonly InboxEntry[];
  /** Ids of entries that are gone. */
  readonly removed: readonly string[];
  readonly counts: InboxCounts;
}

/** Actions of `inbox`, whose key is the id of its person. Errors: group "inbox". */
export interface InboxActions {
  /** Throws `inbox.invalid_input`. */
  list(query?: InboxQuery): Promise<InboxPage>;
  /** Takes up to 100 entries out of the inbox, or back into it. Unknown ones are ignored. */
  done(ids: readonly string[], isDone?: boolean): Promise<void>;
  /** Hides up to 100 entries until a time within a year; `null` shows them again. Unknown ones are ignored. */
  snooze(ids: readonly string[], until: number | null): Promise<void>;
  /** Marks up to 100 entries. Unknown ones are ignored. */
  mark(ids: readonly string[], as: "read" | "unread"): Promise<void>;
}

/** Events of `inbox`. */
export interface InboxEvents {
  changed: InboxPatch;
}

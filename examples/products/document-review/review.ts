/** Shared by the server and the page: what a document is, and what its people may do. */
import { z } from "zod";
import { limits } from "./limits.ts";

const name = z.string().trim().min(1, "Enter a name.").max(limits.maxNameLength);
const mail = z.union([z.literal(""), z.email("That is no mail address.")]).default("");
const person = z.object({ name, mail });

/** What somebody enters for a new document. */
export const draftSchema = z.object({
  title: z.string().trim().min(1, "Enter a title.").max(limits.maxTitleLength),
  reviewers: z.array(person).min(1, "Name a reviewer.").max(limits.maxReviewers),
  /** Decides where a reviewer has not answered any reminder. */
  deputy: person.optional(),
  remindDays: z.number().int().min(limits.minRemindDays).max(limits.maxRemindDays),
});
export type Draft = z.infer<typeof draftSchema>;

export const decisionSchema = z
  .object({
    version: z.number().int(),
    decision: z.enum(["approve", "changes", "reject"]),
    comment: z.string().trim().max(limits.maxCommentLength),
  })
  .refine(({ decision, comment }) => decision === "approve" || comment !== "", {
    message: "Say in a comment why.",
  });
export type Decision = z.infer<typeof decisionSchema>;

export type Status = "draft" | "reading" | "review" | "changes" | "approved" | "rejected" | "withdrawn";

export const isEnded = (status: Status) => ["approved", "rejected", "withdrawn"].includes(status);

export interface Summary {
  readonly summary: string;
  readonly points: readonly { readonly kind: string; readonly text: string }[];
}

/** What the model made of a version. */
export type Reading =
  | { readonly state: "reading" }
  | { readonly state: "read"; readonly summary: Summary }
  | { readonly state: "unreadable"; readonly why: string };

export interface Version {
  readonly number: number;
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly uploadedAt: number;
  readonly reading: Reading;
  /** The beginning of its text. */
  readonly preview: string;
}

export interface Reviewer {
  readonly id: string;
  readonly name: string;
  readonly mail: string;
  /** Of the newest version. */
  readonly status: "waiting" | "asked" | "overdue" | "approved" | "changes" | "rejected";
  readonly askedAt?: number;
  readonly decidedAt?: number;
  /** Who decided, where that was the deputy. */
  readonly decidedBy?: string;
  readonly comment?: string;
  readonly reminders: number;
}

export interface Comment {
  readonly at: number;
  readonly by: string;
  readonly version: number;
  readonly text: string;
}

/** Each entry has the hash of the one before, so that a change of the past shows. */
export interface AuditEntry {
  readonly at: number;
  readonly by: string;
  readonly text: string;
  readonly hash: string;
}

/** A message to somebody: sent by MAIL_WEBHOOK_URL, or passed on by hand. */
export interface Message {
  readonly id: string;
  readonly at: number;
  readonly to: string;
  readonly mail: string;
  readonly text: string;
  /** Of whom the link is. */
  readonly personId: string;
  readonly isSent: boolean;
}

export interface You {
  readonly id: string;
  readonly name: string;
  readonly role: "owner" | "reviewer" | "deputy";
  /** May decide about the newest version now. */
  readonly mayDecide: boolean;
}

/** A document as its page shows it. */
export interface DocumentView {
  readonly title: string;
  readonly owner: string;
  readonly status: Status;
  readonly remindDays: number;
  readonly versions: readonly Version[];
  readonly reviewers: readonly Reviewer[];
  readonly deputy: string | undefined;
  readonly comments: readonly Comment[];
  readonly audit: readonly AuditEntry[];
  readonly isAuditIntact: boolean;
  /** For the owner only. */
  readonly messages: readonly Message[];
}

/** A row of the list of documents. */
export interface Row {
  readonly id: string;
  readonly title: string;
  readonly status: Status;
  readonly waitsFor: string;
  readonly version: number;
  readonly changedAt: number;
}

/** Webhooks of forges: checks of signatures, and one union of events. Every delivery may arrive late, twice, or never. */
import type { Check, Comment, Issue, PullRequest } from "../forge.ts";

/** A pull request as an event has it. GitLab's deliveries do not name the author. */
export type DeliveredPullRequest = Omit<PullRequest, "author"> & { readonly author: string | undefined };

/** What has changed of a pull request or an issue. `added`: undefined where the forge tells all labels alone. */
export type ItemChange =
  | { readonly type: "opened" | "review_requested" | "other" }
  | { readonly type: "labelled"; readonly added: readonly string[] | undefined };

/** What has happened at a forge. Events have no order: compare `updatedAt`, or ask the forge. */
export type ForgeEvent =
  | {
      readonly kind: "pull_request";
      readonly repository: string;
      readonly pullRequest: DeliveredPullRequest;
      readonly change: ItemChange;
      /** Reviewers who have done so, where the forge keeps them among the others. Absent where it does not. */
      readonly reviewed?: readonly string[];
      /** Who has caused the event; undefined where the forge does not tell. */
      readonly sender: string | undefined;
    }
  | {
      readonly kind: "issue";
      readonly repository: string;
      readonly issue: Issue;
      readonly change: ItemChange;
      readonly sender: string | undefined;
    }
  | {
      readonly kind: "comment";
      readonly repository: string;
      /** Of the pull request or the issue. */
      readonly number: number;
      readonly isOnPullRequest: boolean;
      readonly action: "created" | "edited" | "deleted";
      readonly comment: Comment;
      /** Of the pull request or the issue, where the forge tells. */
      readonly title?: string | undefined;
    }
  | { readonly kind: "check"; readonly repository: string; readonly commit: string; readonly check: Check }
  | {
      readonly kind: "push";
      readonly repository: string;
      /** Full name, such as "refs/heads/main". */
      readonly ref: string;
      /** Undefined for a ref that was created. */
      readonly before: string | undefined;
      /** Undefined for a ref that was deleted. */
      readonly after: string | undefined;
    }
  | {
      readonly kind: "installation";
      readonly installationId: number;
      readonly action: "created" | "deleted" | "suspended" | "unsuspended" | "changed";
    }
  /** An event that the Studio has no use for. */
  | { readonly kind: "other"; readonly name: string };

export interface ForgeDelivery {
  /** The same for every repetition of a delivery: keep it to drop duplicates. */
  readonly deliveryId: string;
  readonly event: ForgeEvent;
}

/** A delivery as it was received. */
export interface Webhook {
  /** Header by its name in lower case. */
  readonly header: (name: string) => string | undefined;
  /** The exact bytes of the body. */
  readonly body: Uint8Array;
  /** Accepted secrets: two while one replaces the other. */
  readonly secrets: readonly string[];
  /** Milliseconds since the epoch, for signatures with a time. Default: the clock. */
  readonly now?: number;
}

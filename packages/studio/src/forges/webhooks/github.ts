/** Webhooks of forges: checks of signatures, and one union of events. Every delivery may arrive late, twice, or never. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { HoldfastError } from "@holdfast/core";
import type { Check, Comment, PullRequest } from "../forge.ts";
import {
  checkOf,
  commentOf,
  type GitHubCheckRow,
  type GitHubCommentRow,
  type GitHubPullRow,
  pullRequestOf,
} from "../github/rows.ts";

/** What has happened at a forge. Events have no order: compare `updatedAt`, or ask the forge. */
export type ForgeEvent =
  | { readonly kind: "pull_request"; readonly repository: string; readonly pullRequest: PullRequest }
  | {
      readonly kind: "comment";
      readonly repository: string;
      /** Of the pull request or the issue. */
      readonly number: number;
      readonly isOnPullRequest: boolean;
      readonly action: "created" | "edited" | "deleted";
      readonly comment: Comment;
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

export interface GitHubWebhook {
  /** Header by its name in lower case. */
  readonly header: (name: string) => string | undefined;
  /** The exact bytes of the body. */
  readonly body: Uint8Array;
  /** Accepted secrets: two while one replaces the other. */
  readonly secrets: readonly string[];
}

/**
 * Checks the signature of a delivery of GitHub and reads it. Throws `forge.webhook_refused` when it is missing or wrong,
 * and `forge.webhook_malformed` for a body that GitHub does not send.
 * https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
 */
export function readGitHubWebhook({ header, body, secrets }: GitHubWebhook): ForgeDelivery {
  const signature = header("x-hub-signature-256") ?? "";
  const isSigned = secrets.some((secret) => secret !== "" && isSignedWith(secret, body, signature));
  if (!isSigned) {
    const message =
      "The signature of the webhook is missing or wrong. Enter the same secret here and in the forge's settings.";
    throw new HoldfastError("forge", "webhook_refused", message, { statusCode: 401 });
  }
  const name = header("x-github-event");
  const deliveryId = header("x-github-delivery");
  if (name === undefined || deliveryId === undefined) throw malformed();
  try {
    return { deliveryId, event: eventOf(name, JSON.parse(Buffer.from(body).toString("utf8"))) };
  } catch {
    // A payload of another shape: JSON that does not parse, or a missing object.
    throw malformed();
  }
}

function malformed(): HoldfastError {
  const message =
    "The webhook is not one of GitHub's. Choose the content type application/json in the forge's settings.";
  return new HoldfastError("forge", "webhook_malformed", message, { statusCode: 400 });
}

function isSignedWith(secret: string, body: Uint8Array, signature: string): boolean {
  const expected = Buffer.from(`sha256=${createHmac("sha256", secret).update(body).digest("hex")}`);
  const given = Buffer.from(signature);
  return given.byteLength === expected.byteLength && timingSafeEqual(given, expected);
}

interface Payload {
  readonly action?: string;
  readonly repository?: { readonly full_name: string };
  readonly pull_request?: GitHubPullRow;
  readonly issue?: { readonly number: number; readonly pull_request?: unknown };
  readonly comment?: GitHubCommentRow;
  readonly check_run?: GitHubCheckRow & { readonly head_sha: string };
  readonly installation?: { readonly id: number };
  readonly ref?: string;
  readonly before?: string;
  readonly after?: string;
}

function eventOf(name: string, payload: Payload): ForgeEvent {
  switch (name) {
    case "pull_request":
      return {
        kind: "pull_request",
        repository: required(payload.repository).full_name,
        pullRequest: pullRequestOf(required(payload.pull_request)),
      };
    case "issue_comment":
    case "pull_request_review_comment":
      return commentEvent(payload);
    case "check_run": {
      const run = required(payload.check_run);
      const repository = required(payload.repository).full_name;
      return { kind: "check", repository, commit: run.head_sha, check: checkOf(run) };
    }
    case "push": {
      const repository = required(payload.repository).full_name;
      const before = commitOf(payload.before);
      return { kind: "push", repository, ref: required(payload.ref), before, after: commitOf(payload.after) };
    }
    case "installation":
    case "installation_repositories": {
      const action = name === "installation" ? installationAction(payload.action) : "changed";
      return { kind: "installation", installationId: required(payload.installation).id, action };
    }
    default:
      return { kind: "other", name };
  }
}

function commentEvent({ action, repository, issue, pull_request, comment }: Payload): ForgeEvent {
  return {
    kind: "comment",
    repository: required(repository).full_name,
    number: issue?.number ?? required(pull_request).number,
    isOnPullRequest: issue === undefined || issue.pull_request !== undefined,
    action: action === "edited" || action === "deleted" ? action : "created",
    comment: commentOf(required(comment)),
  };
}

function installationAction(action: string | undefined) {
  switch (action) {
    case "created":
    case "deleted":
      return action;
    case "suspend":
      return "suspended";
    case "unsuspend":
      return "unsuspended";
    default:
      return "changed";
  }
}

/** A missing commit is forty zeros. */
function commitOf(sha: string | undefined): string | undefined {
  return /^0+$/.test(required(sha)) ? undefined : sha;
}

function required<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new TypeError("missing field");
  return value;
}

import type { PullRequest } from "../forge.ts";
import {
  checkOf,
  commentOf,
  type GitHubCheckRow,
  type GitHubCommentRow,
  type GitHubIssueRow,
  type GitHubPullRow,
  type GitHubStatusRow,
  issueOf,
  pullRequestOf,
  statusOf,
} from "../github/rows.ts";
import type { ForgeDelivery, ForgeEvent, ItemChange, Webhook } from "./event.ts";
import { commitOrNone, isSignedBy, malformedWebhook, required, unsignedWebhook } from "./signature.ts";

/**
 * Checks the signature of a delivery of GitHub and reads it. Throws `forge.webhook_refused` when it is missing or wrong,
 * and `forge.webhook_malformed` for a body that GitHub does not send.
 * https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
 */
export function readGitHubWebhook({ header, body, secrets }: Webhook): ForgeDelivery {
  const signature = (header("x-hub-signature-256") ?? "").replace(/^sha256=/, "");
  if (!isSignedBy(secrets, body, signature)) throw unsignedWebhook();
  const name = header("x-github-event");
  const deliveryId = header("x-github-delivery");
  if (name === undefined || deliveryId === undefined) throw malformedWebhook();
  try {
    return { deliveryId, event: eventOf(name, JSON.parse(Buffer.from(body).toString("utf8"))) };
  } catch {
    // A payload of another shape: JSON that does not parse, or a missing object.
    throw malformedWebhook();
  }
}

interface Payload {
  readonly action?: string;
  readonly repository?: { readonly full_name: string };
  readonly pull_request?: GitHubPullRow;
  readonly issue?: Partial<GitHubIssueRow> & { readonly number: number };
  readonly label?: { readonly name: string };
  readonly sender?: { readonly login: string };
  readonly comment?: GitHubCommentRow;
  readonly review?: { readonly user: { readonly login: string } | null };
  readonly check_run?: GitHubCheckRow & { readonly head_sha: string };
  readonly installation?: { readonly id: number };
  readonly ref?: string;
  readonly before?: string;
  readonly after?: string;
  readonly sha?: string;
}

function eventOf(name: string, payload: Payload): ForgeEvent {
  switch (name) {
    case "pull_request":
    case "pull_request_review":
      return {
        kind: "pull_request",
        repository: required(payload.repository).full_name,
        pullRequest: withoutReviewer(pullRequestOf(required(payload.pull_request)), payload),
        ...{ change: changeOf(payload), sender: payload.sender?.login },
      };
    case "issues":
      return {
        kind: "issue",
        repository: required(payload.repository).full_name,
        issue: issueOf(required(payload.issue) as GitHubIssueRow),
        ...{ change: changeOf(payload), sender: payload.sender?.login },
      };
    case "issue_comment":
    case "pull_request_review_comment":
      return commentEvent(payload);
    case "check_run": {
      const run = required(payload.check_run);
      const repository = required(payload.repository).full_name;
      return { kind: "check", repository, commit: run.head_sha, check: checkOf(run) };
    }
    case "status": {
      const commit = required(payload.sha);
      const check = statusOf(payload as GitHubStatusRow);
      return { kind: "check", repository: required(payload.repository).full_name, commit, check };
    }
    case "push": {
      const repository = required(payload.repository).full_name;
      const before = commitOrNone(payload.before);
      return {
        kind: "push",
        repository,
        ref: required(payload.ref),
        before,
        after: commitOrNone(payload.after),
      };
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

/** Whoever has sent a review is asked no more, whatever the pull request of its event still says. */
function withoutReviewer(pull: PullRequest, { action, review }: Payload): PullRequest {
  const login = action === "submitted" ? review?.user?.login : undefined;
  return { ...pull, reviewers: pull.reviewers.filter((each) => each !== login) };
}

function commentEvent({ action, repository, issue, pull_request, comment }: Payload): ForgeEvent {
  return {
    kind: "comment",
    repository: required(repository).full_name,
    number: issue?.number ?? required(pull_request).number,
    isOnPullRequest: issue === undefined || issue.pull_request !== undefined,
    action: action === "edited" || action === "deleted" ? action : "created",
    comment: commentOf(required(comment)),
    title: issue?.title ?? pull_request?.title,
  };
}

function changeOf({ action, label }: Payload): ItemChange {
  if (action === "labeled" && label !== undefined) return { type: "labelled", added: [label.name] };
  return { type: action === "opened" || action === "review_requested" ? action : "other" };
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

import {
  checkOf,
  commentOf,
  type GiteaCommentRow,
  type GiteaIssueRow,
  type GiteaPullRow,
  type GiteaStatusRow,
  issueOf,
  pullRequestOf,
} from "../gitea/rows.ts";
import type { ForgeDelivery, ForgeEvent, ItemChange, Webhook } from "./event.ts";
import { commitOrNone, isSignedBy, malformedWebhook, required, unsignedWebhook } from "./signature.ts";

interface Payload {
  readonly action?: string;
  readonly repository?: { readonly full_name: string };
  readonly pull_request?: GiteaPullRow;
  readonly issue?: Partial<GiteaIssueRow> & { readonly number: number };
  readonly sender?: { readonly login: string };
  readonly comment?: GiteaCommentRow;
  readonly is_pull?: boolean;
  readonly ref?: string;
  readonly ref_type?: string;
  readonly before?: string;
  readonly after?: string;
  readonly sha?: string;
}

/**
 * Checks the signature of a delivery of Gitea and reads it. Throws `forge.webhook_refused` when it is missing or wrong, and
 * `forge.webhook_malformed` for a body that Gitea does not send. https://docs.gitea.com/usage/webhooks
 */
export function readGiteaWebhook({ header, body, secrets }: Webhook): ForgeDelivery {
  if (!isSignedBy(secrets, body, header("x-gitea-signature") ?? "")) throw unsignedWebhook();
  const name = header("x-gitea-event");
  const deliveryId = header("x-gitea-delivery");
  if (name === undefined || deliveryId === undefined) throw malformedWebhook();
  try {
    return { deliveryId, event: eventOf(name, JSON.parse(Buffer.from(body).toString("utf8"))) };
  } catch {
    // A payload of another shape: JSON that does not parse, or a missing object.
    throw malformedWebhook();
  }
}

function eventOf(name: string, payload: Payload): ForgeEvent {
  switch (name) {
    case "pull_request":
    // Reviews carry the pull request, and come without their comments.
    case "pull_request_approved":
    case "pull_request_rejected":
    case "pull_request_comment":
    case "pull_request_label":
    case "pull_request_review_request":
      return {
        kind: "pull_request",
        repository: repositoryOf(payload),
        pullRequest: pullRequestOf(required(payload.pull_request)),
        ...{ change: changeOf(payload), sender: payload.sender?.login },
      };
    case "issues":
    case "issue_label":
      return {
        ...{ kind: "issue", repository: repositoryOf(payload) },
        issue: issueOf(required(payload.issue) as GiteaIssueRow),
        ...{ change: changeOf(payload), sender: payload.sender?.login },
      };
    case "issue_comment":
      return {
        kind: "comment",
        repository: repositoryOf(payload),
        number: required(payload.issue).number,
        isOnPullRequest: payload.is_pull === true,
        action: payload.action === "edited" || payload.action === "deleted" ? payload.action : "created",
        comment: commentOf(required(payload.comment)),
        title: payload.issue?.title,
      };
    case "status": {
      const commit = required(payload.sha);
      const check = checkOf(payload as unknown as GiteaStatusRow);
      return { kind: "check", repository: repositoryOf(payload), commit, check };
    }
    case "push": {
      const { ref, before, after } = payload;
      return {
        ...{ kind: "push", repository: repositoryOf(payload), ref: required(ref) },
        ...{ before: commitOrNone(before), after: commitOrNone(after) },
      };
    }
    case "delete": {
      // A branch that is gone; of a tag, nothing is kept.
      if (payload.ref_type !== "branch") return { kind: "other", name };
      const ref = `refs/heads/${required(payload.ref)}`;
      return { kind: "push", repository: repositoryOf(payload), ref, before: undefined, after: undefined };
    }
    default:
      return { kind: "other", name };
  }
}

/** A change of labels names none of them. */
function changeOf({ action }: Payload): ItemChange {
  if (action === "label_updated") return { type: "labelled", added: undefined };
  return { type: action === "opened" || action === "review_requested" ? action : "other" };
}

function repositoryOf(payload: Payload): string {
  return required(payload.repository).full_name;
}

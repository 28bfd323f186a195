import { createHmac, randomUUID } from "node:crypto";
import type { HostedChange, HostedRepository } from "../forge-server/repository.ts";
import type { WebhookDelivery } from "../forge-server/webhook-sender.ts";
import { commentShape, issueShape, pullShape, repositoryShape, statusShape, userShape } from "./shapes.ts";

const noCommit = "0".repeat(40);

/** Gitea's words for what others call "edited" and "synchronize". */
const actions: Readonly<Record<string, string>> = { synchronize: "synchronized" };

/** The signed webhook for a change. */
export function changeDelivery(
  url: string,
  repository: HostedRepository,
  change: HostedChange,
  secret: string,
): WebhookDelivery {
  const { name, payload } = changeEvent(url, repository, change);
  const body = JSON.stringify({ repository: repositoryShape(url, repository), ...payload });
  const id = randomUUID();
  return {
    id,
    body,
    headers: {
      "content-type": "application/json",
      "x-gitea-event": name,
      "x-gitea-event-type": name,
      "x-gitea-delivery": id,
      "x-gitea-signature": createHmac("sha256", secret).update(body).digest("hex"),
    },
  };
}

function changeEvent(url: string, repository: HostedRepository, change: HostedChange) {
  switch (change.kind) {
    case "pull_request": {
      const { action, pullRequest: pull } = change;
      const pull_request = pullShape(url, repository, pull);
      const sender = userShape(pull.author);
      const payload = { action: actions[action] ?? action, number: pull.number, pull_request, sender };
      return { name: "pull_request", payload };
    }
    case "reviewed": {
      const { pullRequest: pull, reviewer } = change;
      const pull_request = pullShape(url, repository, pull);
      const about = { action: "reviewed", number: pull.number, pull_request };
      return { name: "pull_request_approved", payload: { ...about, sender: userShape(reviewer) } };
    }
    case "labelled": {
      const { issue, pullRequest, sender } = change;
      const about = { action: "label_updated", sender: userShape(sender) };
      if (pullRequest !== undefined) {
        const pull_request = pullShape(url, repository, pullRequest);
        return {
          name: "pull_request_label",
          payload: { ...about, number: pullRequest.number, pull_request },
        };
      }
      const shape = issue === undefined ? undefined : issueShape(url, repository, issue);
      return { name: "issue_label", payload: { ...about, issue: shape } };
    }
    case "comment": {
      const { comment, onPullRequest: is_pull } = change;
      const shape = commentShape(url, repository, comment);
      const issue = { number: comment.number };
      const pull = repository.pullRequests.get(comment.number);
      // A comment on a line is part of a review, whose event has the pull request only.
      if (comment.path !== undefined && pull !== undefined) {
        const pull_request = pullShape(url, repository, pull);
        return { name: "pull_request_comment", payload: { action: "reviewed", pull_request } };
      }
      return { name: "issue_comment", payload: { action: "created", is_pull, issue, comment: shape } };
    }
    case "check":
      return { name: "status", payload: { ...statusShape(change.check), sha: change.check.commit } };
    case "push": {
      const { branch, before, after } = change;
      if (after === null) return { name: "delete", payload: { ref: branch, ref_type: "branch" } };
      return { name: "push", payload: { ref: `refs/heads/${branch}`, before: before ?? noCommit, after } };
    }
  }
}

import { createHmac, randomUUID } from "node:crypto";
import type { HostedChange, HostedRepository } from "../forge-server/repository.ts";
import type { WebhookDelivery } from "../forge-server/webhook-sender.ts";
import type { Installation } from "./accounts.ts";
import {
  checkShape,
  commentShape,
  issueShape,
  pullShape,
  repositoryShape,
  statusShape,
  userShape,
} from "./shapes.ts";

const noCommit = "0".repeat(40);

/** A webhook before it is signed. */
export interface GitHubEvent {
  readonly name: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Name and payload of the webhook event for a change, as GitHub sends them. */
export function changeEvent(url: string, repository: HostedRepository, change: HostedChange): GitHubEvent {
  const shared = { repository: repositoryShape(url, repository) };
  switch (change.kind) {
    case "pull_request": {
      const { action, pullRequest } = change;
      const pull_request = {
        ...pullShape(url, repository, pullRequest),
        merged: pullRequest.mergedAt !== null,
      };
      const sender = userShape(pullRequest.author);
      return {
        name: "pull_request",
        payload: { ...shared, action, number: pullRequest.number, pull_request, sender },
      };
    }
    case "reviewed": {
      const { pullRequest, reviewer } = change;
      const pull_request = pullShape(url, repository, pullRequest);
      const review = { id: pullRequest.id, state: "approved", user: userShape(reviewer) };
      const payload = { ...shared, action: "submitted", pull_request, review, sender: userShape(reviewer) };
      return { name: "pull_request_review", payload };
    }
    case "labelled": {
      const { issue, pullRequest, label: name, sender } = change;
      const about = { ...shared, action: "labeled", label: { name }, sender: userShape(sender) };
      if (pullRequest !== undefined) {
        const pull_request = pullShape(url, repository, pullRequest);
        return { name: "pull_request", payload: { ...about, number: pullRequest.number, pull_request } };
      }
      const shape = issue === undefined ? undefined : issueShape(url, repository, issue);
      return { name: "issues", payload: { ...about, issue: shape } };
    }
    case "comment": {
      const comment = commentShape(url, repository, change.comment);
      const { number, path, author } = change.comment;
      const about =
        path === undefined
          ? {
              issue: {
                number,
                title: titleOf(repository, number),
                ...(change.onPullRequest ? { pull_request: {} } : {}),
              },
            }
          : { pull_request: { number } };
      return {
        name: path === undefined ? "issue_comment" : "pull_request_review_comment",
        payload: { ...shared, action: "created", comment, ...about, sender: userShape(author) },
      };
    }
    case "check": {
      if (change.check.isStatus) {
        const payload = { ...shared, ...statusShape(change.check), sha: change.check.commit };
        return { name: "status", payload };
      }
      const check_run = checkShape(url, repository, change.check);
      const action = change.check.conclusion === null ? "created" : "completed";
      return { name: "check_run", payload: { ...shared, action, check_run } };
    }
    case "push": {
      const { branch, before, after } = change;
      const ends = { before: before ?? noCommit, after: after ?? noCommit };
      const flags = { created: before === null, deleted: after === null };
      return { name: "push", payload: { ...shared, ref: `refs/heads/${branch}`, ...ends, ...flags } };
    }
  }
}

function titleOf({ issues, pullRequests }: HostedRepository, number: number): string {
  return (pullRequests.get(number) ?? issues.get(number))?.title ?? "";
}

/** Payload of an event about an installation itself. */
export function installationEvent(action: string, { id, account }: Installation) {
  return { name: "installation", payload: { action, installation: { id, account: { login: account } } } };
}

/** Signs an event with HMAC SHA-256 over its body and gives it a delivery id. */
export function signedDelivery(
  { name, payload }: { readonly name: string; readonly payload: unknown },
  secret: string,
  id: string = randomUUID(),
): WebhookDelivery {
  const body = JSON.stringify(payload);
  return {
    id,
    body,
    headers: {
      "content-type": "application/json",
      "user-agent": "GitHub-Hookshot/emulator",
      "x-github-event": name,
      "x-github-delivery": id,
      "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
    },
  };
}

import { createHmac, randomUUID } from "node:crypto";
import type { HostedChange, HostedRepository } from "../forge-server/repository.ts";
import type { WebhookDelivery } from "../forge-server/webhook-sender.ts";
import {
  issueShape,
  positionShape,
  projectShape,
  shownTitle,
  stateOf,
  statusName,
  time,
  userShape,
} from "./shapes.ts";

const noCommit = "0".repeat(40);

/** The webhook for a change: signed when `secret` begins with `whsec_`, with the secret as its token otherwise. */
export function changeDelivery(
  url: string,
  repository: HostedRepository,
  change: HostedChange,
  secret: string,
  now: number,
): WebhookDelivery {
  const { name, payload } = changeEvent(url, repository, change);
  const body = JSON.stringify({ project: projectShape(url, repository), ...payload });
  const id = randomUUID();
  const timestamp = String(Math.floor(now / 1000));
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return {
    id,
    body,
    headers: {
      "content-type": "application/json",
      "x-gitlab-event": name,
      "x-gitlab-event-uuid": id,
      "idempotency-key": id,
      ...(secret.startsWith("whsec_")
        ? { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` }
        : { "x-gitlab-token": secret }),
    },
  };
}

function changeEvent(
  url: string,
  repository: HostedRepository,
  change: HostedChange,
): { readonly name: string; readonly payload: Readonly<Record<string, unknown>> } {
  switch (change.kind) {
    case "labelled": {
      const { issue, pullRequest, before, label, sender } = change;
      const titles = (names: readonly string[]) => names.map((title) => ({ title }));
      const labels = { previous: titles(before), current: titles([...before, label]) };
      const update = { changes: { labels }, user: userShape(sender) };
      if (pullRequest !== undefined) {
        const event = changeEvent(url, repository, { kind: "pull_request", action: "update", pullRequest });
        return { name: event.name, payload: { ...event.payload, ...update } };
      }
      const shape = issue === undefined ? undefined : issueShape(url, repository, issue);
      const object_attributes = { ...shape, action: "update", url: shape?.web_url };
      const payload = { object_kind: "issue", object_attributes, labels: labels.current, ...update };
      return { name: "Issue Hook", payload };
    }
    case "reviewed": {
      const { pullRequest, reviewer } = change;
      const event = changeEvent(url, repository, { kind: "pull_request", action: "approved", pullRequest });
      return { name: event.name, payload: { ...event.payload, user: userShape(reviewer) } };
    }
    case "pull_request": {
      const { pullRequest: pull, action: given } = change;
      const action = given === "opened" ? "open" : given;
      const object_attributes = {
        ...{ id: pull.id, iid: pull.number, title: shownTitle(pull), description: pull.body, action },
        ...{ state: stateOf(pull), draft: pull.draft, author_id: pull.author.id },
        ...{ source_branch: pull.head, target_branch: pull.base, last_commit: { id: pull.headCommit } },
        source: projectShape(url, pull.headRepository ?? repository),
        target: projectShape(url, repository),
        merge_commit_sha: pull.mergeCommit,
        url: `${url}/${repository.fullName}/-/merge_requests/${pull.number}`,
        ...{ created_at: time(pull.createdAt), updated_at: time(pull.updatedAt) },
      };
      const labels = pull.labels.map((title) => ({ title }));
      const reviewers = [
        ...pull.reviewers.map((username) => ({ username, state: "unreviewed" })),
        ...(pull.reviewedBy ?? []).map((username) => ({ username, state: "approved" })),
      ];
      const assignees = pull.assignees.map((username) => ({ username }));
      const user = userShape(pull.author);
      const payload = { object_kind: "merge_request", user, object_attributes, labels, reviewers, assignees };
      return { name: "Merge Request Hook", payload };
    }
    case "comment": {
      const { comment, onPullRequest } = change;
      const { id, number, body: note, author } = comment;
      const object_attributes = {
        ...{ id, note, noteable_type: onPullRequest ? "MergeRequest" : "Issue", action: "create" },
        ...{ created_at: time(comment.createdAt), position: positionShape(comment) },
        url: `${url}/${repository.fullName}/-/merge_requests/${number}#note_${id}`,
      };
      const about = onPullRequest ? { merge_request: { iid: number } } : { issue: { iid: number } };
      const payload = { object_kind: "note", user: userShape(author), object_attributes, ...about };
      return { name: "Note Hook", payload };
    }
    case "check": {
      const { id, name, commit: sha, isStatus } = change.check;
      const status = statusName(change.check);
      // What is reported by the API is part of a pipeline, and no job.
      if (isStatus)
        return {
          name: "Pipeline Hook",
          payload: { object_kind: "pipeline", object_attributes: { id, sha, status } },
        };
      const build = { build_id: id, build_name: name, build_status: status, sha };
      return { name: "Job Hook", payload: { object_kind: "build", ...build } };
    }
    case "push": {
      const { branch, before, after } = change;
      const ends = { before: before ?? noCommit, after: after ?? noCommit };
      return { name: "Push Hook", payload: { object_kind: "push", ref: `refs/heads/${branch}`, ...ends } };
    }
  }
}

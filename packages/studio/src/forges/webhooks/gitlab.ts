import { createHmac } from "node:crypto";
import { studioLimits } from "../../limits.ts";
import type { Comment, Issue } from "../forge.ts";
import { checkStatusOf, type GitLabPosition, isWaiting, pullStateOf, shownTitle } from "../gitlab/rows.ts";
import type { DeliveredPullRequest, ForgeDelivery, ForgeEvent, ItemChange, Webhook } from "./event.ts";
import { commitOrNone, isEqual, malformedWebhook, required, unsignedWebhook } from "./signature.ts";

interface Project {
  readonly path_with_namespace: string;
}

/** Attributes of merge requests, notes and pipelines that are read. */
interface Attributes {
  readonly id?: number;
  readonly iid?: number;
  readonly title?: string;
  readonly description?: string | null;
  readonly state?: string;
  readonly draft?: boolean;
  readonly work_in_progress?: boolean;
  readonly source_branch?: string;
  readonly target_branch?: string;
  readonly source?: Project | null;
  readonly last_commit?: { readonly id: string };
  readonly merge_commit_sha?: string | null;
  readonly squash_commit_sha?: string | null;
  readonly url?: string;
  readonly created_at?: string;
  readonly updated_at?: string;
  readonly action?: string;
  readonly note?: string;
  readonly noteable_type?: string;
  readonly position?: GitLabPosition | null;
  readonly sha?: string;
  readonly status?: string;
}

interface Payload {
  readonly object_kind?: string;
  readonly project?: Project;
  readonly user?: { readonly username: string };
  readonly object_attributes?: Attributes;
  readonly labels?: readonly { readonly title: string }[];
  /** What an update has changed. */
  readonly changes?: {
    readonly labels?: Readonly<Record<"previous" | "current", readonly { readonly title: string }[]>>;
    readonly reviewers?: unknown;
  };
  readonly reviewers?: readonly { readonly username: string; readonly state?: string }[];
  readonly assignees?: readonly { readonly username: string }[];
  readonly merge_request?: { readonly iid: number; readonly title?: string };
  readonly issue?: { readonly iid: number; readonly title?: string };
  readonly ref?: string;
  readonly before?: string;
  readonly after?: string;
  readonly build_id?: number;
  readonly build_name?: string;
  readonly build_status?: string;
  readonly sha?: string;
}

const signingPrefix = "whsec_";

/**
 * Checks a delivery of GitLab and reads it. A secret that begins with `whsec_` signs deliveries with their time, and one that
 * is older or newer than {@link studioLimits.webhookToleranceMs} is refused; any other is compared with `X-Gitlab-Token`,
 * which proves the sender but not the body. Throws `forge.webhook_refused`, and `forge.webhook_malformed` for a body that
 * GitLab does not send. https://docs.gitlab.com/user/project/integrations/webhooks/
 */
export function readGitLabWebhook(webhook: Webhook): ForgeDelivery {
  const { header, body, secrets } = webhook;
  const isKnown = secrets.some((secret) => {
    if (secret === "") return false;
    if (secret.startsWith(signingPrefix)) return isSigned(webhook, secret);
    return isEqual(secret, header("x-gitlab-token") ?? "");
  });
  if (!isKnown) throw unsignedWebhook();
  // The first two stay the same when a delivery is repeated.
  const deliveryId = header("webhook-id") ?? header("idempotency-key") ?? header("x-gitlab-event-uuid");
  if (deliveryId === undefined) throw malformedWebhook();
  try {
    return { deliveryId, event: eventOf(JSON.parse(Buffer.from(body).toString("utf8"))) };
  } catch {
    // A payload of another shape: JSON that does not parse, or a missing object.
    throw malformedWebhook();
  }
}

/** The scheme of https://www.standardwebhooks.com: HMAC SHA-256 over id, time and body. */
function isSigned({ header, body, now = Date.now() }: Webhook, secret: string): boolean {
  const id = header("webhook-id") ?? "";
  const timestamp = header("webhook-timestamp") ?? "";
  const ageMs = now - Number(timestamp) * 1000;
  if (timestamp === "" || !(Math.abs(ageMs) <= studioLimits.webhookToleranceMs)) return false;
  const key = Buffer.from(secret.slice(signingPrefix.length), "base64");
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
  const signatures = (header("webhook-signature") ?? "").split(" ");
  return signatures.some((signature) => isEqual(`v1,${expected}`, signature));
}

function eventOf(payload: Payload): ForgeEvent {
  const name = required(payload.object_kind);
  switch (name) {
    case "merge_request":
      return {
        ...{ kind: "pull_request", repository: repositoryOf(payload), pullRequest: pullRequestOf(payload) },
        ...{ change: changeOf(payload), sender: payload.user?.username },
        reviewed: (payload.reviewers ?? [])
          .filter((each) => !isWaiting(each))
          .map(({ username }) => username),
      };
    case "issue":
      return {
        ...{ kind: "issue", repository: repositoryOf(payload), issue: issueOf(payload) },
        ...{ change: changeOf(payload), sender: payload.user?.username },
      };
    case "note":
      return noteEvent(payload);
    case "pipeline": {
      const { id, sha, status, url } = required(payload.object_attributes);
      const check = {
        ...{ id: `pipeline-${required(id)}`, name: "pipeline" },
        ...{ status: checkStatusOf(required(status)), webUrl: url },
      };
      return { kind: "check", repository: repositoryOf(payload), commit: required(sha), check };
    }
    case "build": {
      const { build_id, build_name, build_status, sha } = payload;
      const check = {
        ...{ id: String(required(build_id)), name: required(build_name) },
        ...{ status: checkStatusOf(required(build_status)), webUrl: undefined },
      };
      return { kind: "check", repository: repositoryOf(payload), commit: required(sha), check };
    }
    case "push": {
      const { ref, before, after } = payload;
      return {
        ...{ kind: "push", repository: repositoryOf(payload), ref: required(ref) },
        ...{ before: commitOrNone(before), after: commitOrNone(after) },
      };
    }
    default:
      return { kind: "other", name };
  }
}

function pullRequestOf(payload: Payload): DeliveredPullRequest {
  const row = required(payload.object_attributes);
  return {
    ...{ number: required(row.iid), title: shownTitle(required(row.title)), body: row.description ?? "" },
    state: pullStateOf(required(row.state)),
    isDraft: row.draft ?? row.work_in_progress ?? false,
    // Only the number of the author is in a delivery.
    author: undefined,
    headBranch: required(row.source_branch),
    headRepository: row.source?.path_with_namespace,
    headCommit: required(row.last_commit).id,
    baseBranch: required(row.target_branch),
    mergeCommit: row.merge_commit_sha ?? row.squash_commit_sha ?? undefined,
    isMergeable: undefined,
    labels: (payload.labels ?? []).map(({ title }) => title),
    reviewers: (payload.reviewers ?? []).map(({ username }) => username),
    assignees: (payload.assignees ?? []).map(({ username }) => username),
    webUrl: required(row.url),
    ...{ createdAt: timeOf(row.created_at), updatedAt: timeOf(row.updated_at) },
  };
}

function issueOf(payload: Payload): Issue {
  const row = required(payload.object_attributes);
  return {
    ...{ number: required(row.iid), title: required(row.title), body: row.description ?? "" },
    state: row.state === "opened" ? "open" : "closed",
    // Only the number of the author is in a delivery.
    author: "",
    labels: (payload.labels ?? []).map(({ title }) => title),
    ...{ webUrl: required(row.url), updatedAt: timeOf(row.updated_at) },
  };
}

function changeOf({ object_attributes: row, changes }: Payload): ItemChange {
  if (row?.action === "open") return { type: "opened" };
  if (changes?.reviewers !== undefined) return { type: "review_requested" };
  if (changes?.labels === undefined) return { type: "other" };
  const before = new Set(changes.labels.previous.map(({ title }) => title));
  const added = changes.labels.current.map(({ title }) => title).filter((title) => !before.has(title));
  return added.length === 0 ? { type: "other" } : { type: "labelled", added };
}

function noteEvent(payload: Payload): ForgeEvent {
  const note = required(payload.object_attributes);
  const { noteable_type: about, position } = note;
  if (about !== "MergeRequest" && about !== "Issue") return { kind: "other", name: `note on ${about}` };
  const comment: Comment = {
    ...{ id: String(required(note.id)), body: required(note.note), author: required(payload.user).username },
    ...{ createdAt: timeOf(note.created_at), webUrl: required(note.url) },
    ...(position === undefined || position === null
      ? {}
      : {
          path: position.new_path,
          ...(position.new_line === null ? {} : { line: position.new_line }),
          commit: position.head_sha,
        }),
  };
  const { iid: number, title } = required(about === "MergeRequest" ? payload.merge_request : payload.issue);
  const isOnPullRequest = about === "MergeRequest";
  const action = note.action === "update" ? "edited" : "created";
  return {
    kind: "comment",
    repository: repositoryOf(payload),
    number,
    isOnPullRequest,
    action,
    comment,
    title,
  };
}

/** GitLab writes ISO 8601, and in older versions "2026-01-31 12:00:00 UTC". */
function timeOf(time: string | undefined): number {
  const at = Date.parse(required(time));
  if (Number.isNaN(at)) throw new TypeError("not a time");
  return at;
}

function repositoryOf(payload: Payload): string {
  return required(payload.project).path_with_namespace;
}

import type { ForgeEvent, ItemChange } from "../../forges/webhooks/event.ts";
import { mentionsOf, type TriggerMatch } from "./match.ts";

/** An event of a repository that may start tasks. */
export interface Trigger extends TriggerMatch {
  /** The same for everything that tells of one occurrence. */
  readonly key: string;
  /** Login of whoever has caused it; undefined for checks, which follow a push to a branch of the repository. */
  readonly by: string | undefined;
  /** Of an issue or a pull request. */
  readonly number?: number;
  readonly isPullRequest?: boolean;
  /** All labels that it has. Absent where the event does not tell. */
  readonly itemLabels?: readonly string[];
  readonly branch?: string;
  /** In words, for the prompt. */
  readonly about: string;
  /** Text of others. */
  readonly body: string;
}

/** Branches that tasks are published to: what happens to them starts nothing, or tasks would start each other. */
const ownBranches = "holdfast/";

/** Marks comments of the Studio, which start nothing. Invisible at the forge. */
export const commentMark = "<!-- holdfast -->";

/** What is known about an event besides itself. */
export interface EventFacts {
  readonly deliveryId: string;
  /** Labels that it has added. */
  readonly addedLabels: readonly string[];
  /** The branches of the repository that have a commit. */
  readonly branchesAt: (commit: string) => Promise<readonly string[]>;
}

/** What an event may start. */
export async function triggersOf(event: ForgeEvent, facts: EventFacts): Promise<readonly Trigger[]> {
  switch (event.kind) {
    case "pull_request": {
      const { pullRequest: pull, change, sender } = event;
      if (pull.state !== "open" || pull.headBranch.startsWith(ownBranches)) return [];
      const { number, title, webUrl, body, labels: itemLabels } = pull;
      const item = {
        ...{ number, isPullRequest: true, itemLabels, body, by: sender },
        about: `Pull request #${number}, ${JSON.stringify(title)} (${webUrl})`,
      };
      return ofItem(item, change, facts);
    }
    case "issue": {
      const { issue, change, sender } = event;
      if (issue.state !== "open") return [];
      const { number, title, webUrl, body, labels: itemLabels } = issue;
      const item = {
        ...{ number, isPullRequest: false, itemLabels, body, by: sender },
        about: `Issue #${number}, ${JSON.stringify(title)} (${webUrl})`,
      };
      return ofItem(item, change, facts);
    }
    case "comment": {
      const { comment, number, isOnPullRequest, action } = event;
      const mentions = mentionsOf(comment.body);
      if (action !== "created" || mentions.length === 0 || comment.body.includes(commentMark)) return [];
      const about = `A comment of ${comment.author} on ${isOnPullRequest ? "pull request" : "issue"} #${number} (${comment.webUrl})`;
      const item = { number, isPullRequest: isOnPullRequest, about, body: comment.body, by: comment.author };
      return [{ ...item, type: "mentioned", mentions, key: `comment/${comment.id}` }];
    }
    case "check": {
      const { check, commit } = event;
      if (check.status !== "failure") return [];
      const [branch] = (await facts.branchesAt(commit)).filter((name) => !name.startsWith(ownBranches));
      if (branch === undefined) return [];
      const about = `The check ${JSON.stringify(check.name)} failed for ${commit.slice(0, 12)}, the last commit of the branch ${branch}`;
      return [{ type: "checks-failed", key: `checks/${commit}`, by: undefined, branch, about, body: "" }];
    }
    case "push":
    case "installation":
    case "other":
      return [];
  }
}

type Item = Omit<Trigger, "type" | "key" | "labels" | "mentions">;

function ofItem(item: Item, change: ItemChange, { addedLabels, deliveryId }: EventFacts): readonly Trigger[] {
  const labelled = addedLabels.map((label) => ({
    ...{ ...item, type: "labelled" as const, labels: [label] },
    key: `label/${deliveryId}/${label}`,
  }));
  return [...ofChange(item, change, deliveryId), ...labelled];
}

function ofChange(item: Item, change: ItemChange, deliveryId: string): readonly Trigger[] {
  const { number, isPullRequest, body } = item;
  switch (change.type) {
    case "opened": {
      const mentions = mentionsOf(body);
      const mentioned = { ...item, type: "mentioned", mentions, key: `opened/${number}/mentioned` } as const;
      return [
        ...(isPullRequest === true
          ? [{ ...item, type: "pull-request-opened", key: `opened/${number}` } as const]
          : []),
        ...(mentions.length === 0 ? [] : [mentioned]),
      ];
    }
    case "review_requested":
      return [{ ...item, type: "review-requested", key: `review/${deliveryId}` }];
    case "labelled":
    case "other":
      return [];
  }
}

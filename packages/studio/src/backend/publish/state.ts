import type {
  PublicationChange,
  PublishTarget,
  PullRequestDetails,
  TaskPullRequest,
} from "../../contract/publish.ts";
import type { TaskError } from "../../contract.ts";
import type { ApplyPlan } from "../../git/apply.ts";

/** What a task keeps of its publication. Details of the pull request are in its key-value entries. */
export interface PublicationState {
  target: PublishTarget;
  branch: string;
  baseBranch: string;
  /** Number of the pull request of the fork that has the branch. Absent for a branch of the repository. */
  fork?: number | undefined;
  revision: number;
  /** What was asked for and has not ended: a crash repeats it. */
  pending?: PendingPublish | undefined;
  error?: TaskError | undefined;
  /** What the branch got last from here; `root` is the commit of the base that it grew from. */
  pushed?: { tree: string; commit: string; plan: ApplyPlan; root?: string | undefined } | undefined;
  pullRequest?: TaskPullRequest | undefined;
  headCommit?: string | undefined;
  /** Comments and failed checks that the agent got. */
  addressed: string[];
}

export interface PendingPublish {
  step: "pushing" | "opening";
  /** Undefined when the branch has this tree already. */
  commit?: ApplyPlan | undefined;
  tree: string;
  /** The commit of the base that it grows from. Absent in what earlier versions have kept. */
  root?: string | undefined;
  /** The commit of the branch that is replaced, when its base has changed. */
  replaces?: string | undefined;
  title?: string | undefined;
  body?: string | undefined;
  isDraft: boolean;
  /** True if the base of an open pull request changes. */
  isRebased: boolean;
  reviewers: string[];
  /** Absent in what earlier versions have kept. */
  assignees?: string[] | undefined;
  labels?: string[] | undefined;
}

/** What the repository's actor has read of a pull request. */
export type PullRequestReading =
  | {
      readonly number: number;
      readonly details: Omit<PullRequestDetails, "repository">;
      /** True if it was merged, and tasks of this repository are archived then. */
      readonly archives?: boolean;
    }
  | { readonly number: number; readonly error: TaskError };

export function changeOf(
  publication: PublicationState | undefined,
  details: PullRequestDetails | undefined,
): PublicationChange {
  if (publication === undefined) return { progress: null, unaddressed: 0, revision: 0 };
  const { pending, error, revision } = publication;
  return {
    ...{ progress: pending?.step ?? null, revision },
    ...(error === undefined ? {} : { error: { ...error } }),
    ...(details === undefined ? {} : { pullRequest: details }),
    unaddressed: details === undefined ? 0 : unaddressedOf(publication, details).length,
  };
}

/** A comment or a failed check of an open pull request, as the agent gets it once. */
export interface ReviewItem {
  readonly id: string;
  readonly text: string;
}

/** What the agent has not got yet: failed checks of the newest commit, then comments. */
export function unaddressedOf(
  { addressed }: Pick<PublicationState, "addressed">,
  { state, headCommit, checkList, comments }: PullRequestDetails,
): readonly ReviewItem[] {
  if (state !== "open") return [];
  const known = new Set(addressed);
  const failed = checkList.filter(({ status }) => status === "failure");
  return [
    ...failed.map(({ name }) => ({
      id: `check/${headCommit}/${name}`,
      text: `The check ${JSON.stringify(name)} failed.`,
    })),
    ...comments.map(({ id, author, path, line, body }) => ({
      id: `comment/${path === undefined ? "" : "line/"}${id}`,
      text: `${author}${placeOf(path, line)}:\n\n${quoted(body)}`,
    })),
  ].filter(({ id }) => !known.has(id));
}

function placeOf(path: string | undefined, line: number | undefined): string {
  if (path === undefined) return "";
  return ` on ${JSON.stringify(path)}${line === undefined ? "" : `, line ${line}`}`;
}

/** Each line is marked, so that the text of others cannot look like that of the prompt. */
function quoted(text: string): string {
  return text
    .trim()
    .split(/\r?\n/)
    .map((line) => `> ${line}`)
    .join("\n");
}

import { Draft, tabStorage } from "@holdfast/web-parts";
import type { AgentChoice, AttachmentView, StackTask } from "../../../contract.ts";
import { readPromptValue } from "../prompt/prompt-value.ts";

export interface RepositoryValue {
  /** Path of a folder, or name of a connected repository. */
  readonly path: string;
  /** Id of the connected repository of a server that has this name. */
  readonly connected: string | undefined;
  /** Branch of a connected repository; empty for its default one. */
  readonly branch: string;
  /** Number of the pull request of a fork to start from, instead of a branch. */
  readonly pull?: number;
  /** The task to start on top of, instead of a branch. */
  readonly onTask?: StackTask;
  /** Number of the pull request that the branch has, or of the issue that the task is about. */
  readonly ofPull?: number;
  readonly issue?: number;
  /** Labels of either. */
  readonly labels?: readonly string[];
  /** Starts from the last commit even if there are uncommitted changes. */
  readonly fromHead: boolean;
  readonly check: "none" | "checking" | "clean" | "dirty" | "failed";
}

export interface AttemptDraft {
  readonly agent: string;
  readonly options: Readonly<Record<string, string>>;
}

/** The values of the form for a new task. */
export interface TaskDraft {
  readonly repository: RepositoryValue;
  readonly agent?: AgentChoice;
  /** Further attempts: their agents, and what was chosen of the options of each. */
  readonly attempts: readonly AttemptDraft[];
  readonly prompt: string;
  readonly attachments: readonly AttachmentView[];
  /** Options of the agent that were chosen, by their ids. */
  readonly options: Readonly<Record<string, string>>;
}

export const emptyDraft: TaskDraft = {
  repository: { path: "", connected: undefined, branch: "", fromHead: false, check: "none" },
  attempts: [],
  prompt: "",
  attachments: [],
  options: {},
};

let draft: Draft<TaskDraft> | undefined;

/** One per page: a task that is being started may outlive its form. */
export function taskDraft(): Draft<TaskDraft> {
  draft ??= new Draft({ key: "holdfast.task", empty: emptyDraft, read: readDraft, storage: tabStorage() });
  return draft;
}

/** The prompt is kept; repository and agents are checked again. */
function readDraft(kept: unknown): TaskDraft | undefined {
  if (typeof kept !== "object" || kept === null) return undefined;
  const { repository, prompt, attachments } = kept as Partial<Record<keyof TaskDraft, unknown>>;
  if (typeof repository !== "object" || repository === null || typeof prompt !== "string") return undefined;
  const { path, branch = "" } = repository as { readonly path?: unknown; readonly branch?: unknown };
  if (typeof path !== "string" || typeof branch !== "string") return undefined;
  const value = readPromptValue({ text: prompt, attachments });
  return {
    ...emptyDraft,
    ...{ repository: { ...emptyDraft.repository, path, branch }, prompt },
    attachments: value?.attachments ?? [],
  };
}

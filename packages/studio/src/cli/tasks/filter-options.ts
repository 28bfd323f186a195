import { resolve } from "node:path";
import { UsageError } from "@holdfast/cli";
import type { TaskFilter, TaskGrouping, TaskStatus } from "@holdfast/studio";
import type { OptionValues, VerbOptions } from "../verbs/verb.ts";

/** Options that select tasks of the list: for `tasks list`, `tasks count` and saved views. */
export const filterOptions = {
  search: { type: "string", value: "WORDS", description: "in titles, labels, prompts and transcripts" },
  status: { type: "string", value: "NAMES", description: "with commas between: running,waiting" },
  repository: { type: "string", value: "NAMES", description: "folders or ids, with commas between" },
  agent: { type: "string", value: "NAMES", description: "ids of agents, with commas between" },
  owner: {
    type: "string",
    value: "NAMES",
    description: "names or ids of owners, with commas between; or me",
  },
  label: { type: "string", value: "NAMES", description: "labels, with commas between" },
  archived: { type: "boolean", description: "archived tasks instead of the others" },
  unread: { type: "boolean", description: "only what you have not read" },
} as const satisfies VerbOptions;

export const groupOption = {
  group: {
    type: "string",
    value: "repository|agent|status|owner|label",
    description: "puts tasks of one kind together",
  },
} as const satisfies VerbOptions;

const statuses = [
  "preparing",
  "running",
  "waiting",
  "idle",
  "stopped",
  "failed",
] as const satisfies readonly TaskStatus[];
const groupings = [
  "repository",
  "agent",
  "status",
  "owner",
  "label",
] as const satisfies readonly TaskGrouping[];

/** Throws a `UsageError`. */
export function filterOf(values: OptionValues<typeof filterOptions>): TaskFilter {
  const { search, status, repository, agent, label, archived, unread } = values;
  return {
    ...(search === undefined ? {} : { search }),
    ...(status === undefined ? {} : { statuses: wordsOf(status).map(statusOf) }),
    ...(repository === undefined ? {} : { repositories: wordsOf(repository).map(repositoryOf) }),
    ...(agent === undefined ? {} : { agents: wordsOf(agent) }),
    ...(label === undefined ? {} : { labels: wordsOf(label) }),
    ...(archived === undefined ? {} : { archived }),
    ...(unread === undefined ? {} : { unread }),
  };
}

/** Throws a `UsageError`. */
export function groupOf(given: string | undefined): { readonly group?: TaskGrouping } {
  if (given === undefined) return {};
  const group = groupings.find((each) => each === given);
  if (group === undefined) throw new UsageError(`--group is one of ${groupings.join(", ")}`);
  return { group };
}

export function wordsOf(list: string): readonly string[] {
  return list
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}

function statusOf(word: string): TaskStatus {
  const status = statuses.find((each) => each === word);
  if (status === undefined) throw new UsageError(`--status has names from ${statuses.join(", ")}`);
  return status;
}

/** A folder becomes its absolute path, as the list has it. */
function repositoryOf(word: string): string {
  return /^[./]/.test(word) ? resolve(word) : word;
}

import { keepPreviousData, type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import type { AgentCommand, DiffView, FoundFiles, TaskSummary } from "../../../contract.ts";
import { baseName } from "../base-name.ts";
import { useApi } from "../context.ts";
import { statusLabel } from "../status.tsx";
import { changedRanges, fileMention, lineRange, type Trigger } from "./triggers.ts";

/** Something that can be put in the place of what was typed. */
export interface Completion {
  readonly id: string;
  readonly group: string;
  readonly label: string;
  readonly detail: string;
  readonly text: string;
}

/** Where completions come from. */
export interface CompletionSources {
  /** Whose files and lines these are; part of the keys of queries. */
  readonly scope: string;
  /** Finds files. Undefined where there are none to find. */
  readonly files: ((query: string) => Promise<FoundFiles>) | undefined;
  readonly commands: readonly AgentCommand[];
  /** The task of the prompt, which is not offered. */
  readonly taskId?: string;
}

const maxShown = 12;
const maxTasks = 5;

/** Completions for what is being typed, and whether more may come. */
export function useCompletions(
  sources: CompletionSources,
  trigger: Trigger | undefined,
): { readonly completions: readonly Completion[]; readonly isLoading: boolean } {
  const api = useApi();
  const queries = useQueryClient();
  const mention = trigger?.kind === "mention" ? trigger.query : undefined;
  const files = useQuery({
    queryKey: ["prompt-files", sources.scope, mention],
    queryFn: () => sources.files?.(mention ?? "") ?? { paths: [], total: 0 },
    enabled: mention !== undefined && sources.files !== undefined,
    placeholderData: keepPreviousData,
    staleTime: 10_000,
    retry: false,
  });
  const tasks = useQuery({
    queryKey: ["prompt-tasks", mention],
    queryFn: () =>
      api.organization.listTasks({
        limit: maxTasks + 1,
        ...(mention === undefined || mention === "" ? {} : { search: mention }),
      }),
    enabled: mention !== undefined,
    placeholderData: keepPreviousData,
    staleTime: 10_000,
    retry: false,
  });
  if (trigger === undefined) return { completions: [], isLoading: false };
  switch (trigger.kind) {
    case "command":
      return { completions: commandCompletions(sources.commands, trigger.query), isLoading: false };
    case "lines":
      return { completions: lineCompletions(diffOf(queries, sources), trigger), isLoading: false };
    case "mention": {
      const isLoading = files.isFetching || tasks.isFetching;
      const found = [
        ...fileCompletions(files.data, changedPaths(queries, sources, trigger.query)),
        ...taskCompletions(tasks.data?.tasks ?? [], sources.taskId),
      ];
      return { completions: found, isLoading };
    }
  }
}

/** What is shown of the task's changes: all of them if they are known, and otherwise what they were compared with last. */
function diffOf(queries: QueryClient, { taskId }: CompletionSources): DiffView | undefined {
  if (taskId === undefined) return undefined;
  const shown = queries.getQueriesData<DiffView>({ queryKey: ["diff", taskId] });
  const all = shown.find(([[, , compared], diff]) => compared === "base" && diff !== undefined);
  return (all ?? shown.findLast(([, diff]) => diff !== undefined))?.[1];
}

/** Files that the agent has added are not in the commit from which the task started. */
function changedPaths(queries: QueryClient, sources: CompletionSources, query: string): readonly string[] {
  const added = diffOf(queries, sources)?.files.filter(({ status }) => status !== "deleted") ?? [];
  const wanted = query.toLowerCase();
  return added.map(({ path }) => path).filter((path) => path.toLowerCase().includes(wanted));
}

function commandCompletions(commands: readonly AgentCommand[], query: string): readonly Completion[] {
  const wanted = query.toLowerCase();
  return commands
    .filter(({ name }) => name.toLowerCase().includes(wanted))
    .toSorted((a, b) => Number(b.name.startsWith(query)) - Number(a.name.startsWith(query)))
    .slice(0, maxShown)
    .map(({ name, description, hint }) => ({
      ...{ id: `command/${name}`, group: "Commands of the agent", label: `/${name}` },
      ...{ detail: hint === undefined ? description : `${hint} · ${description}`, text: `/${name} ` },
    }));
}

function fileCompletions(found: FoundFiles | undefined, changed: readonly string[]): readonly Completion[] {
  const paths = [...new Set([...changed.slice(0, 4), ...(found?.paths ?? [])])].slice(0, maxShown);
  return paths.map((path) => ({
    ...{ id: `file/${path}`, group: "Files", label: baseName(path), detail: path },
    text: `${fileMention(path)} `,
  }));
}

/** A task is given to the agent as text: it cannot open the Studio. */
function taskCompletions(tasks: readonly TaskSummary[], own: string | undefined): readonly Completion[] {
  return tasks
    .filter(({ id }) => id !== own)
    .slice(0, maxTasks)
    .map((task) => {
      const about = `${statusLabel(task.status).toLowerCase()}, ${task.agent} in ${baseName(task.repository)}`;
      const title = task.title.replaceAll(/[[\]]/g, " ");
      return {
        ...{ id: `task/${task.id}`, group: "Tasks", label: task.title, detail: about },
        text: `[${title}](/tasks/${task.id}) (${about}) `,
      };
    });
}

function lineCompletions(
  diff: DiffView | undefined,
  { path, query }: Extract<Trigger, { readonly kind: "lines" }>,
): readonly Completion[] {
  const typed = path === undefined ? undefined : lineRange(query);
  const wanted = query.toLowerCase();
  const changed = (diff?.files ?? [])
    .filter((file) => path === undefined || file.path === path)
    .flatMap((file) => changedRanges(file.patch).map((range) => ({ path: file.path, range })))
    .filter((each) => `${each.path}#${each.range}`.toLowerCase().includes(wanted));
  return [
    ...(path === undefined || typed === undefined ? [] : [lineCompletion(path, typed, "Lines")]),
    ...changed.slice(0, maxShown).map((each) => lineCompletion(each.path, each.range, "Changed lines")),
  ];
}

function lineCompletion(path: string, range: string, group: string): Completion {
  return {
    ...{ id: `lines/${group}/${path}#${range}`, group, label: `${baseName(path)}#${range}`, detail: path },
    text: `${fileMention(path)}#${range} `,
  };
}

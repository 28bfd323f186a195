import {
  appPart,
  CrossIcon,
  ErrorNotice,
  KeysHelp,
  Loading,
  PlusIcon,
  useDraft,
  useMediaQuery,
  usePageTitle,
} from "@holdfast/web-parts";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useRouterState } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from "react";
import type { TaskCounts, TaskGrouping, TaskMatch, TaskQuery } from "../../contract.ts";
import { useApi } from "../shared/context.ts";
import { isOfForge, repositoriesQuery } from "../shared/new-task/repositories.ts";
import { taskDraft } from "../shared/new-task/task-draft.ts";
import { filterOf, type TaskSearch } from "../shared/task-list/task-filter.ts";
import { seenOf } from "../shared/task-list/task-pages.ts";
import { listKeys, useListKeys } from "./list-keys.ts";
import { ListToolbar } from "./list-toolbar.tsx";
import { NewTask } from "./new-task.tsx";
import { NoTasks } from "./no-tasks.tsx";
import { taskCountsQuery, tasksQuery } from "./queries.ts";
import { TaskList } from "./task-list.tsx";
import { keepKind, keptKind } from "./views/kept-kind.ts";
import { KindSwitch } from "./views/kind-switch.tsx";
import { SavedViews } from "./views/saved-views.tsx";

/** Loaded when it is first shown. */
const Board = lazy(
  appPart(async () => {
    const part = await import("./board/board.tsx");
    return { default: part.Board };
  }),
);

/** The list, and beside it (on a phone on demand) the form for a new task. */
export function TasksScreen({
  search,
  onSearch,
}: {
  readonly search: TaskSearch;
  readonly onSearch: (search: TaskSearch) => void;
}) {
  const api = useApi();
  const kind = search.view ?? keptKind();
  // The board needs the whole width.
  const wide = useMediaQuery("(min-width: 62rem)") && kind === "list";
  // "empty": open because there are no tasks; it stays open when the first one appears.
  const [opened, setOpened] = useState<"no" | "empty" | "asked">("no");
  const [draft, setDraft] = useDraft(taskDraft());
  const [help, setHelp] = useState(false);
  const showHelp = useCallback(() => setHelp(true), []);
  useListKeys(showHelp);
  const { archived } = search;
  const all = useQuery(taskCountsQuery(api, archived === undefined ? {} : { archived })).data;
  usePageTitle("Tasks");
  const hasTasks = all === undefined ? undefined : all.total > 0 || archived === true;
  // The board has pull requests and issues before there is a task.
  const repositories = useQuery({ ...repositoriesQuery(api), enabled: hasTasks === false }).data;
  const hasBoard = hasTasks === true || repositories?.some(isOfForge) === true;
  useEffect(() => {
    if (hasTasks === false) setOpened((known) => (known === "no" ? "empty" : known));
  }, [hasTasks]);
  // A command opens the form with this fragment; its key differs each time.
  const asked = useRouterState({
    select: ({ resolvedLocation: at }) => (at?.hash === "new-task" ? at.state.__TSR_key : undefined),
  });
  useEffect(() => {
    if (asked !== undefined) setOpened("asked");
  }, [asked]);
  const formOpen = wide || opened !== "no";
  const change = (next: Parameters<Parameters<typeof ListToolbar>[0]["onChange"]>[0]) => {
    const merged = Object.entries({ ...search, ...next }).filter(([, value]) => value !== undefined);
    onSearch(Object.fromEntries(merged) as TaskSearch);
  };
  const clear = () => onSearch(archived === undefined ? {} : { archived });
  return (
    <div className={kind === "board" ? "tasks-page tasks-page-board" : "tasks-page"}>
      {help && <KeysHelp title="Keys of the list" keys={listKeys} onClose={() => setHelp(false)} />}
      <section className="tasks-main" aria-labelledby="tasks-heading">
        <div className="page-head">
          <h1 id="tasks-heading">{archived === true ? "Archived tasks" : "Tasks"}</h1>
          {hasBoard && (
            <KindSwitch
              kind={kind}
              onChange={(next) => {
                keepKind(next);
                change({ view: next });
              }}
            />
          )}
          {!wide && hasTasks === true && (
            <button
              type="button"
              className="button button-primary"
              aria-expanded={formOpen}
              onClick={() => setOpened(formOpen ? "no" : "asked")}
            >
              {formOpen ? <CrossIcon /> : <PlusIcon />}
              {formOpen ? "Close" : "New task"}
            </button>
          )}
        </div>
        {!wide && formOpen && (
          <NewTask
            takeFocus={opened === "asked" ? (asked ?? "opened") : undefined}
            {...{ draft, setDraft }}
          />
        )}
        {hasTasks === true && (
          <>
            <SavedViews search={search} kind={kind} onSearch={onSearch} />
            <ListToolbar search={search} kind={kind} counts={all} onChange={change} />
          </>
        )}
        {kind === "board" && (hasBoard || hasTasks === undefined) ? (
          <Suspense fallback={<Loading label="Loading the board" rows={5} />}>
            <Board search={search} onClear={clear} />
          </Suspense>
        ) : (
          <FoundTasks search={search} onClear={clear} />
        )}
      </section>
      {wide && (
        <aside className="tasks-aside" aria-label="New task">
          <NewTask takeFocus={asked} {...{ draft, setDraft }} />
        </aside>
      )}
    </div>
  );
}

/** What says how many tasks a group has. Of labels nothing does: a task is counted for each of its labels. */
const countsOf = {
  repository: "repositories",
  agent: "agents",
  status: "statuses",
  owner: "owners",
} as const satisfies Readonly<Record<Exclude<TaskGrouping, "label">, keyof TaskCounts>>;

/** The tasks that the search finds, in all states of the request. */
function FoundTasks({ search, onClear }: { readonly search: TaskSearch; readonly onClear: () => void }) {
  const api = useApi();
  const { group } = search;
  const hasCounts = group !== undefined && group !== "label";
  const filter = useMemo(() => filterOf(search), [search]);
  const query: TaskQuery = group === undefined ? filter : { ...filter, group };
  const list = useInfiniteQuery(tasksQuery(api, query));
  const counts = useQuery({ ...taskCountsQuery(api, filter), enabled: hasCounts }).data;
  const { data, hasNextPage, isFetchingNextPage, isError, fetchNextPage } = list;
  const tasks = useMemo(() => data?.pages.flatMap((page) => page.tasks), [data]);
  const seen = useMemo(() => (data === undefined ? {} : seenOf(data)), [data]);
  const matches = useMemo(
    (): Readonly<Record<string, TaskMatch>> =>
      Object.assign({}, ...(data?.pages ?? []).map((page) => page.matches ?? {})) as Record<
        string,
        TaskMatch
      >,
    [data],
  );
  const loadMore = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage && !isError) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, isError, fetchNextPage]);
  if (tasks === undefined) {
    if (list.isPending) return <Loading label="Loading tasks" rows={5} />;
    return <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />;
  }
  if (tasks.length === 0) return <NoTasks search={search} onClear={onClear} />;
  return (
    <>
      <TaskList
        {...{ tasks, seen, matches, group }}
        counts={hasCounts ? counts?.[countsOf[group]] : undefined}
        onEnd={loadMore}
      />
      {isFetchingNextPage && <p className="list-foot muted">Loading older tasks…</p>}
      {isError && (
        <ErrorNotice
          error={list.error}
          onRetry={() => void (hasNextPage ? fetchNextPage() : list.refetch())}
        />
      )}
    </>
  );
}

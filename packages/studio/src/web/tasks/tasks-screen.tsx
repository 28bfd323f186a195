import {
  CrossIcon,
  Empty,
  ErrorNotice,
  Loading,
  PlusIcon,
  useDraft,
  useMediaQuery,
  usePageTitle,
} from "@holdfast/web-parts";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useApi } from "../shared/context.ts";
import { MoreButton } from "../shared/more-button.tsx";
import { NewTask } from "./new-task.tsx";
import { tasksQuery } from "./queries.ts";
import { taskDraft } from "./task-draft.ts";
import { TaskList } from "./task-list.tsx";

/** The list, and beside it (on a phone on demand) the form for a new task. */
export function TasksScreen() {
  const api = useApi();
  const wide = useMediaQuery("(min-width: 62rem)");
  // "empty": open because there are no tasks; it stays open when the first one appears.
  const [opened, setOpened] = useState<"no" | "empty" | "asked">("no");
  const [draft, setDraft] = useDraft(taskDraft());
  const query = useInfiniteQuery(tasksQuery(api));
  const tasks = query.data?.pages.flatMap((page) => page.tasks);
  const waiting = tasks?.filter(({ status }) => status === "waiting").length ?? 0;
  usePageTitle(waiting === 0 ? "Tasks" : `(${waiting}) Tasks`);
  const empty = tasks?.length === 0;
  useEffect(() => {
    if (empty) setOpened((known) => (known === "no" ? "empty" : known));
  }, [empty]);
  const formOpen = wide || opened !== "no";
  return (
    <div className="tasks-page">
      <section className="tasks-main" aria-labelledby="tasks-heading">
        <div className="page-head">
          <h1 id="tasks-heading">Tasks</h1>
          {!wide && tasks !== undefined && tasks.length > 0 && (
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
        {!wide && formOpen && <NewTask takeFocus={opened === "asked"} {...{ draft, setDraft }} />}
        {query.isPending && <Loading label="Loading tasks" rows={5} />}
        {query.isError && tasks === undefined && (
          <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
        )}
        {tasks !== undefined && tasks.length === 0 && (
          <Empty title="No tasks yet">
            Choose a repository and an agent, and describe the task. The sample repository and the demo agent
            work without an API key or an account.
          </Empty>
        )}
        {tasks !== undefined && tasks.length > 0 && <TaskList tasks={tasks} />}
        <MoreButton pages={query} label="Show older tasks" />
      </section>
      {wide && (
        <aside className="tasks-aside" aria-label="New task">
          <NewTask takeFocus={false} {...{ draft, setDraft }} />
        </aside>
      )}
    </div>
  );
}

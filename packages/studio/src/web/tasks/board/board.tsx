/** Board of tasks: a column for each state. */
import "./board.css";
import { ErrorNotice, Loading } from "@holdfast/web-parts";
import { formatCount } from "@holdfast/web-parts/format";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useId, useMemo, useRef } from "react";
import type { TaskFilter, TaskStatus } from "../../../contract.ts";
import { useApi } from "../../shared/context.ts";
import { filterOf, type TaskSearch } from "../../shared/task-list/task-filter.ts";
import { isUnread, seenOf } from "../../shared/task-list/task-pages.ts";
import { NoTasks } from "../no-tasks.tsx";
import { taskCountsQuery, tasksQuery } from "../queries.ts";
import { BoardCard } from "./board-card.tsx";
import { ForgeColumn } from "./forge-column.tsx";
import { mayHaveItems, useForgeCards } from "./forge-items.ts";

interface BoardColumn {
  readonly title: string;
  readonly statuses: readonly TaskStatus[];
}

/** From what needs a person to what is over. Every status is in one column. */
const columns: readonly BoardColumn[] = [
  { title: "Needs you", statuses: ["waiting"] },
  { title: "Working", statuses: ["running", "preparing"] },
  { title: "Done", statuses: ["idle"] },
  { title: "Failed", statuses: ["failed"] },
  { title: "Stopped", statuses: ["stopped"] },
];

const cardHeight = 104;
/** Cards before the end at which the next page is loaded. */
const loadAhead = 20;

export function Board({ search, onClear }: { readonly search: TaskSearch; readonly onClear: () => void }) {
  const filter = useMemo(() => filterOf(search), [search]);
  const counts = useQuery(taskCountsQuery(useApi(), filter)).data;
  const forge = useForgeCards(search);
  const hasItems = mayHaveItems(search) && forge.cards.length > 0;
  if (counts?.total === 0 && !hasItems) return <NoTasks search={search} onClear={onClear} />;
  const countOf = ({ statuses }: BoardColumn) =>
    counts?.statuses
      .filter(({ value }) => statuses.some((status) => status === value))
      .reduce((sum, { count }) => sum + count, 0);
  const { status } = search;
  return (
    <div className="board">
      {forge.hasForge && mayHaveItems(search) && <ForgeColumn {...forge} />}
      {columns
        .filter(({ statuses }) => status === undefined || statuses.includes(status))
        .map((column) => (
          <Column
            key={column.title}
            title={column.title}
            count={countOf(column)}
            filter={status === undefined ? { ...filter, statuses: column.statuses } : filter}
          />
        ))}
    </div>
  );
}

function Column({
  title,
  count,
  filter,
}: {
  readonly title: string;
  readonly count: number | undefined;
  readonly filter: TaskFilter;
}) {
  const id = useId();
  const list = useInfiniteQuery(tasksQuery(useApi(), filter));
  const { data, hasNextPage, isFetchingNextPage, isError, fetchNextPage } = list;
  const tasks = useMemo(() => data?.pages.flatMap((page) => page.tasks) ?? [], [data]);
  const seen = useMemo(() => (data === undefined ? {} : seenOf(data)), [data]);
  const scroll = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: tasks.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => cardHeight,
    getItemKey: (index) => tasks[index]?.id ?? index,
    overscan: 8,
  });
  const items = virtualizer.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    const isNearEnd = last >= tasks.length - loadAhead;
    if (isNearEnd && hasNextPage && !isFetchingNextPage && !isError) void fetchNextPage();
  }, [last, tasks.length, hasNextPage, isFetchingNextPage, isError, fetchNextPage]);
  return (
    <section className="board-column" aria-labelledby={id}>
      <h2 id={id} className="board-heading">
        {title}
        {count !== undefined && <span className="muted">{formatCount(count)}</span>}
      </h2>
      <div ref={scroll} className="board-scroll">
        {list.isPending && <Loading label={`Loading ${title}`} rows={3} />}
        {list.isError && <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />}
        {list.isSuccess && tasks.length === 0 && <p className="board-none">None</p>}
        {tasks.length > 0 && (
          <ul className="board-cards" style={{ height: `${virtualizer.getTotalSize()}px` }}>
            {items.map((item) => {
              const task = tasks[item.index];
              if (task === undefined) return null;
              return (
                <li
                  key={item.key}
                  ref={virtualizer.measureElement}
                  data-index={item.index}
                  className="board-line"
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  <BoardCard task={task} unread={isUnread(task, seen)} />
                </li>
              );
            })}
          </ul>
        )}
      </div>
    </section>
  );
}

import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { formatCount } from "@holdfast/web-parts/format";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type RefObject, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { TaskCount, TaskGrouping, TaskMatch, TaskSummary } from "../../contract.ts";
import { baseName } from "../shared/base-name.ts";
import { statusLabel } from "../shared/status.tsx";
import { groupOf } from "../shared/task-list/task-filter.ts";
import { isUnread } from "../shared/task-list/task-pages.ts";
import { TaskRow } from "./task-row.tsx";

/** A line of the list: a task, or the heading of a group. */
type Line =
  | { readonly kind: "task"; readonly task: TaskSummary }
  | { readonly kind: "group"; readonly value: string; readonly label: string };

const rowHeight = 49;
const headingHeight = 40;
/** Rows before the end at which the next page is loaded. */
const loadAhead = 30;

/** The list of tasks. Only the rows near the window exist. */
export function TaskList({
  tasks,
  seen,
  matches,
  group,
  counts,
  onEnd,
}: {
  readonly tasks: readonly TaskSummary[];
  readonly seen: Readonly<Record<string, number>>;
  readonly matches: Readonly<Record<string, TaskMatch>>;
  readonly group: TaskGrouping | undefined;
  /** Numbers of tasks in the groups, as far as they are known. */
  readonly counts: readonly TaskCount[] | undefined;
  /** Called when the end of the loaded rows comes near. */
  readonly onEnd: () => void;
}) {
  const list = useRef<HTMLUListElement>(null);
  const lines = useMemo(() => linesOf(tasks, group), [tasks, group]);
  const top = useTop(list);
  const virtualizer = useWindowVirtualizer({
    count: lines.length,
    estimateSize: (index) => (lines[index]?.kind === "group" ? headingHeight : rowHeight),
    getItemKey: (index) => keyOf(lines[index]),
    overscan: 12,
    scrollMargin: top,
  });
  const items = virtualizer.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= lines.length - loadAhead) onEnd();
  }, [last, lines.length, onEnd]);
  return (
    <ul
      ref={list}
      className="task-list"
      aria-label="Tasks"
      style={{ height: `${virtualizer.getTotalSize()}px` }}
    >
      {items.map((item) => {
        const line = lines[item.index];
        if (line === undefined) return null;
        return (
          <li
            key={item.key}
            ref={virtualizer.measureElement}
            data-index={item.index}
            className="task-list-line"
            style={{ transform: `translateY(${item.start - top}px)` }}
          >
            {line.kind === "group" ? (
              <h2 className="task-group" title={line.value}>
                {line.label}
                <span className="muted">{countLabel(counts, line.value)}</span>
              </h2>
            ) : (
              <TaskRow task={line.task} unread={isUnread(line.task, seen)} match={matches[line.task.id]} />
            )}
          </li>
        );
      })}
    </ul>
  );
}

/**
 * Distance of an element from the top of the page. Measured when something on the page changes its size, and not at each
 * render: while the list scrolls, every measurement would lay out the page anew.
 */
function useTop(element: RefObject<HTMLElement | null>): number {
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    const { current } = element;
    if (current === null) return;
    const measure = () => setTop(current.getBoundingClientRect().top + window.scrollY);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    for (const sibling of current.parentElement?.children ?? [])
      if (sibling !== current) observer.observe(sibling);
    return () => observer.disconnect();
  }, [element]);
  return top;
}

function linesOf(tasks: readonly TaskSummary[], group: TaskGrouping | undefined): readonly Line[] {
  const lines: Line[] = [];
  let current: string | undefined;
  for (const task of tasks) {
    if (group !== undefined && groupOf(task, group) !== current) {
      current = groupOf(task, group);
      lines.push({ kind: "group", value: current, label: groupLabel(task, group) });
    }
    lines.push({ kind: "task", task });
  }
  return lines;
}

function keyOf(line: Line | undefined): string {
  if (line === undefined) return "";
  return line.kind === "group" ? `group ${line.value}` : line.task.id;
}

function groupLabel(task: TaskSummary, group: TaskGrouping): string {
  switch (group) {
    case "status":
      return statusLabel(task.status);
    case "repository":
      return baseName(task.repository);
    case "agent":
      return task.agent;
    case "owner":
      return visibleText(task.owner?.name ?? "Without an owner");
    case "label":
      return visibleText(task.labels?.[0] ?? "Without a label");
  }
}

function countLabel(counts: readonly TaskCount[] | undefined, value: string): string {
  const found = counts?.find((each) => each.value === value);
  return found === undefined ? "" : formatCount(found.count);
}

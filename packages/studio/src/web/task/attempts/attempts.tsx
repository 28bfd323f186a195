import { Empty } from "@holdfast/web-parts";
import { type KeyboardEvent, useRef, useState } from "react";
import type { TaskView } from "../../../contract.ts";
import { RunChecks } from "./attempt-checks.tsx";
import { AttemptColumn } from "./attempt-column.tsx";
import { AttemptDiff } from "./attempt-diff.tsx";
import { KeepDialog } from "./keep-dialog.tsx";
import { attemptsOf } from "./queries.ts";

/** The attempts in columns. Arrows move between them; `d` shows the changes of one, `k` keeps it, Enter opens it. */
export function Attempts({
  task,
  onSession,
}: {
  readonly task: TaskView;
  readonly onSession: (id: string) => void;
}) {
  const grid = useRef<HTMLDivElement>(null);
  const [shown, setShown] = useState<string>();
  const [keeping, setKeeping] = useState<string>();
  const attempts = attemptsOf(task);
  if (attempts.length === 0)
    return (
      <Empty title="No attempts to choose from">
        Start a session in a copy of its own, or a new task with several attempts.
      </Empty>
    );
  const toggle = (id: string) => setShown((known) => (known === id ? undefined : id));
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey || keeping !== undefined) return;
    const columns = [...(grid.current?.querySelectorAll<HTMLElement>("[data-attempt]") ?? [])];
    const at = columns.findIndex((column) => column.contains(document.activeElement));
    const id = attempts[at]?.id;
    if (id === undefined) return;
    const isColumn = document.activeElement === columns[at];
    if (event.key === "ArrowRight") columns[(at + 1) % columns.length]?.focus();
    else if (event.key === "ArrowLeft") columns[(at - 1 + columns.length) % columns.length]?.focus();
    else if (event.key === "d") toggle(id);
    else if (event.key === "k") setKeeping(id);
    else if (event.key === "Enter" && isColumn) onSession(id);
    else return;
    event.preventDefault();
  };
  const open = attempts.find(({ id }) => id === shown);
  const kept = attempts.find(({ id }) => id === keeping);
  return (
    <div className="attempts">
      <p className="muted attempts-help">
        Arrows move between the attempts. Enter opens one, <kbd>d</kbd> shows its changes, <kbd>k</kbd> keeps
        it and discards the others.
      </p>
      <RunChecks task={task} attempts={attempts} />
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the keys of the columns in it. */}
      <div className="attempt-grid" ref={grid} onKeyDown={onKeyDown}>
        {attempts.map((session, index) => (
          <AttemptColumn
            key={session.id}
            task={task}
            session={session}
            number={index + 1}
            isShown={session.id === shown}
            onOpen={() => onSession(session.id)}
            onDiff={() => toggle(session.id)}
            onKeep={() => setKeeping(session.id)}
          />
        ))}
      </div>
      {open !== undefined && <AttemptDiff key={open.id} task={task} session={open} />}
      {kept !== undefined && (
        <KeepDialog
          task={task}
          session={kept}
          attempts={attempts}
          onClose={() => setKeeping(undefined)}
          onKept={() => onSession(kept.id)}
        />
      )}
    </div>
  );
}

import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { TimeAgo } from "@holdfast/web-parts";
import { useEffect, useRef, useState } from "react";
import type { TaskView } from "../../../contract.ts";

/** Lists the closed sessions of a task, whose conversations can still be read. */
export function ClosedSessions({
  task,
  onSession,
}: {
  readonly task: TaskView;
  readonly onSession: (id: string) => void;
}) {
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const closed = task.sessions.filter(({ closedAt }) => closedAt !== undefined);
  if (closed.length === 0) return null;
  return (
    <>
      <button
        type="button"
        ref={button}
        className="button button-small"
        aria-haspopup="dialog"
        onClick={() => setOpen(true)}
      >
        Closed ({closed.length})
      </button>
      {isOpen && (
        <ClosedDialog
          sessions={closed}
          onClose={() => setOpen(false)}
          onSession={(id) => {
            setOpen(false);
            onSession(id);
          }}
        />
      )}
    </>
  );
}

function ClosedDialog({
  sessions,
  onSession,
  onClose,
}: {
  readonly sessions: TaskView["sessions"];
  readonly onSession: (id: string) => void;
  readonly onClose: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (dialog.current?.open === false) dialog.current.showModal();
  }, []);
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby="closed-title" onClose={onClose}>
      <h2 id="closed-title">Closed sessions</h2>
      <ul className="closed-sessions">
        {sessions.map(({ id, name, agent, closedAt = 0 }) => (
          <li key={id}>
            <button type="button" className="button button-wide" onClick={() => onSession(id)}>
              <span>{visibleText(name)}</span>
              <span className="muted">
                {agent}, closed <TimeAgo at={closedAt} />
              </span>
            </button>
          </li>
        ))}
      </ul>
      <div className="dialog-foot">
        <button type="button" className="button" onClick={() => dialog.current?.close()}>
          Cancel
        </button>
      </div>
    </dialog>
  );
}

import { type KeyboardEvent, useEffect, useRef } from "react";
import { snoozeChoices } from "./snooze.ts";

/** Asks until when an entry is hidden. The number of a choice is its key. */
export function SnoozeDialog({
  onChoose,
  onClose,
}: {
  readonly onChoose: (until: number) => void;
  readonly onClose: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const choices = snoozeChoices(new Date());
  useEffect(() => {
    if (dialog.current?.open === false) dialog.current.showModal();
  }, []);
  const choose = (until: number | undefined) => {
    if (until === undefined) return;
    onChoose(until);
    dialog.current?.close();
  };
  const onKeyDown = (event: KeyboardEvent) => choose(choices[Number(event.key) - 1]?.until);
  return (
    <dialog
      ref={dialog}
      className="dialog snooze-dialog"
      aria-labelledby="snooze-title"
      onClose={onClose}
      onKeyDown={onKeyDown}
    >
      <h2 id="snooze-title">Snooze until</h2>
      <ul>
        {choices.map(({ label, until }, index) => (
          <li key={label}>
            <button type="button" className="button button-wide snooze-choice" onClick={() => choose(until)}>
              <span>{label}</span>
              <span className="muted">
                {new Date(until).toLocaleString([], { weekday: "short", hour: "2-digit", minute: "2-digit" })}
              </span>
              <span className="inbox-key" aria-hidden="true">
                {index + 1}
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

import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { ErrorNotice } from "./notice.tsx";

/** A button whose deed is asked about first. The dialog gives the focus back to it. */
export function ConfirmButton({
  label,
  accessibleLabel,
  title,
  confirmLabel,
  children,
  onConfirm,
}: {
  readonly label: string;
  readonly accessibleLabel?: string;
  readonly title: string;
  readonly confirmLabel: string;
  readonly children: ReactNode;
  readonly onConfirm: () => Promise<unknown>;
}) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        className="button button-small"
        aria-haspopup="dialog"
        aria-label={accessibleLabel}
        onClick={() => setOpen(true)}
      >
        {label}
      </button>
      {open && (
        <Confirm
          title={title}
          confirmLabel={confirmLabel}
          onConfirm={onConfirm}
          onClose={() => setOpen(false)}
        >
          {children}
        </Confirm>
      )}
    </>
  );
}

function Confirm({
  title,
  confirmLabel,
  children,
  onConfirm,
  onClose,
}: {
  readonly title: string;
  readonly confirmLabel: string;
  readonly children: ReactNode;
  readonly onConfirm: () => Promise<unknown>;
  readonly onClose: () => void;
}) {
  const id = useId();
  const dialog = useModal();
  const work = useMutation({ mutationFn: onConfirm, onSuccess: () => dialog.current?.close() });
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-text`}
      onClose={onClose}
    >
      <h2 id={`${id}-title`}>{title}</h2>
      <div id={`${id}-text`}>{children}</div>
      {work.isError && <ErrorNotice error={work.error} title="That did not work." />}
      <div className="dialog-foot">
        <button type="button" className="button" onClick={() => dialog.current?.close()}>
          Keep
        </button>
        <button
          type="button"
          className="button button-stop"
          disabled={work.isPending}
          onClick={() => work.mutate()}
        >
          {confirmLabel}
        </button>
      </div>
    </dialog>
  );
}

/** A button that asks for one text and does something with it. */
export function AskButton({
  label,
  accessibleLabel,
  title,
  field,
  initial = "",
  confirmLabel,
  onConfirm,
}: {
  readonly label: string;
  readonly accessibleLabel?: string;
  readonly title: string;
  readonly field: string;
  readonly initial?: string;
  readonly confirmLabel: string;
  readonly onConfirm: (text: string) => Promise<unknown>;
}) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        className="button button-small"
        aria-haspopup="dialog"
        aria-label={accessibleLabel}
        onClick={() => setOpen(true)}
      >
        {label}
      </button>
      {open && <Ask {...{ title, field, initial, confirmLabel, onConfirm }} onClose={() => setOpen(false)} />}
    </>
  );
}

function Ask({
  title,
  field,
  initial,
  confirmLabel,
  onConfirm,
  onClose,
}: {
  readonly title: string;
  readonly field: string;
  readonly initial: string;
  readonly confirmLabel: string;
  readonly onConfirm: (text: string) => Promise<unknown>;
  readonly onClose: () => void;
}) {
  const id = useId();
  const dialog = useModal();
  const [text, setText] = useState(initial);
  const work = useMutation({ mutationFn: onConfirm, onSuccess: () => dialog.current?.close() });
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby={`${id}-title`} onClose={onClose}>
      <h2 id={`${id}-title`}>{title}</h2>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim() !== "" && !work.isPending) work.mutate(text.trim());
        }}
      >
        <div className="field">
          <label htmlFor={`${id}-field`}>{field}</label>
          <input
            id={`${id}-field`}
            value={text}
            spellCheck={false}
            autoComplete="off"
            onChange={(event) => setText(event.target.value)}
          />
        </div>
        {work.isError && <ErrorNotice error={work.error} title="That did not work." />}
        <div className="dialog-foot">
          <button type="button" className="button" onClick={() => dialog.current?.close()}>
            Never mind
          </button>
          <button
            type="submit"
            className="button button-primary"
            disabled={work.isPending || text.trim() === ""}
          >
            {confirmLabel}
          </button>
        </div>
      </form>
    </dialog>
  );
}

function useModal() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (dialog.current?.open === false) dialog.current.showModal();
  }, []);
  return dialog;
}

/** Confirm dialog. */
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, type SubmitEvent, useEffect, useId, useRef } from "react";
import { ErrorNotice } from "./notice.tsx";

/** Modal dialog for one action: it closes when the action succeeds, and stays open with the error when it fails. */
export function ConfirmDialog({
  title,
  children,
  dismissLabel,
  confirmLabel,
  confirmClassName,
  describedByText = false,
  ready = true,
  action,
  onDone,
  onClose,
}: {
  readonly title: string;
  readonly children: ReactNode;
  readonly dismissLabel: string;
  readonly confirmLabel: string;
  readonly confirmClassName: string;
  /** If true, screen readers read the content when the dialog opens. */
  readonly describedByText?: boolean;
  /** False while required input is missing. */
  readonly ready?: boolean;
  readonly action: () => Promise<unknown>;
  readonly onDone?: (() => void) | undefined;
  readonly onClose: () => void;
}) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const work = useMutation({
    mutationFn: action,
    onSuccess() {
      dialog.current?.close();
      onDone?.();
    },
  });
  useEffect(() => {
    if (dialog.current?.open === false) dialog.current.showModal();
  }, []);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (ready && !work.isPending) work.mutate();
  };
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={`${id}-title`}
      aria-describedby={describedByText ? `${id}-text` : undefined}
      onClose={onClose}
    >
      <form onSubmit={submit}>
        <h2 id={`${id}-title`}>{title}</h2>
        <div id={`${id}-text`} className="dialog-text">
          {children}
        </div>
        {work.isError && <ErrorNotice error={work.error} title="The action failed." />}
        <div className="dialog-foot">
          <button type="button" className="button" onClick={() => dialog.current?.close()}>
            {dismissLabel}
          </button>
          <button type="submit" className={confirmClassName} disabled={!ready || work.isPending}>
            {confirmLabel}
          </button>
        </div>
      </form>
    </dialog>
  );
}

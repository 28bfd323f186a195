import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { ErrorNotice } from "../../components/notice.tsx";
import { useKeepFocus } from "./keep-focus.ts";

/** A button whose deed is asked about first. The dialog gives the focus back to it. */
export function ConfirmButton({
  label,
  accessibleLabel,
  title,
  confirmLabel,
  children,
  className = "button button-small",
  disabled = false,
  onConfirm,
  onDone,
}: {
  readonly label: ReactNode;
  readonly accessibleLabel?: string;
  readonly title: string;
  readonly confirmLabel: string;
  readonly children: ReactNode;
  readonly className?: string;
  readonly disabled?: boolean;
  readonly onConfirm: () => Promise<unknown>;
  readonly onDone?: () => void;
}) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  useKeepFocus(button);
  return (
    <>
      <button
        type="button"
        ref={button}
        className={className}
        disabled={disabled}
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
          {...(onDone === undefined ? {} : { onDone })}
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
  onDone,
}: {
  readonly title: string;
  readonly confirmLabel: string;
  readonly children: ReactNode;
  readonly onConfirm: () => Promise<unknown>;
  readonly onClose: () => void;
  readonly onDone?: () => void;
}) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const work = useMutation({
    mutationFn: onConfirm,
    onSuccess() {
      dialog.current?.close();
      onDone?.();
    },
  });
  useEffect(() => {
    if (dialog.current?.open === false) dialog.current.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      className="confirm"
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-text`}
      onClose={onClose}
    >
      <h2 id={`${id}-title`}>{title}</h2>
      <div id={`${id}-text`} className="confirm-text">
        {children}
      </div>
      {work.isError && <ErrorNotice error={work.error} title="That did not work." />}
      <div className="confirm-foot">
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

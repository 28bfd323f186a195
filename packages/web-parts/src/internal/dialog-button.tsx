import { type ReactNode, useRef, useState } from "react";
import { useKeepFocus } from "../hooks/keep-focus.ts";

export interface DialogButtonProps {
  readonly label: ReactNode;
  readonly accessibleLabel?: string | undefined;
  readonly className?: string | undefined;
  readonly disabled?: boolean | undefined;
}

/** Button that opens a modal dialog. Closing the dialog returns the focus to it. */
export function DialogButton({
  label,
  accessibleLabel,
  className = "button button-small",
  disabled = false,
  dialog,
}: DialogButtonProps & { readonly dialog: (onClose: () => void) => ReactNode }) {
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
      {open && dialog(() => setOpen(false))}
    </>
  );
}

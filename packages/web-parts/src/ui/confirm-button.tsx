import type { ReactNode } from "react";
import { DialogButton, type DialogButtonProps } from "../internal/dialog-button.tsx";
import { ConfirmDialog } from "./confirm-dialog.tsx";

/** Button whose action must be confirmed first. */
export function ConfirmButton({
  title,
  confirmLabel,
  children,
  onConfirm,
  onDone,
  isDangerous = true,
  ...button
}: DialogButtonProps & {
  readonly title: string;
  readonly confirmLabel: string;
  /** Describes the effect, and whether it can be undone. */
  readonly children: ReactNode;
  readonly onConfirm: () => Promise<unknown>;
  readonly onDone?: () => void;
  /** False for what destroys nothing. */
  readonly isDangerous?: boolean;
}) {
  return (
    <DialogButton
      {...button}
      dialog={(onClose) => (
        <ConfirmDialog
          title={title}
          dismissLabel={isDangerous ? "Keep" : "Cancel"}
          confirmLabel={confirmLabel}
          confirmClassName={isDangerous ? "button button-stop" : "button button-primary"}
          describedByText
          action={onConfirm}
          onDone={onDone}
          onClose={onClose}
        >
          {children}
        </ConfirmDialog>
      )}
    />
  );
}

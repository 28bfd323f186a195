import type { ReactNode } from "react";
import { ConfirmDialog } from "../internal/confirm-dialog.tsx";
import { DialogButton, type DialogButtonProps } from "../internal/dialog-button.tsx";

/** Button whose action must be confirmed first. */
export function ConfirmButton({
  title,
  confirmLabel,
  children,
  onConfirm,
  onDone,
  ...button
}: DialogButtonProps & {
  readonly title: string;
  readonly confirmLabel: string;
  /** Describes the effect, and whether it can be undone. */
  readonly children: ReactNode;
  readonly onConfirm: () => Promise<unknown>;
  readonly onDone?: () => void;
}) {
  return (
    <DialogButton
      {...button}
      dialog={(onClose) => (
        <ConfirmDialog
          title={title}
          dismissLabel="Keep"
          confirmLabel={confirmLabel}
          confirmClassName="button button-stop"
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

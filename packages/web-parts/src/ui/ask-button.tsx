import { useId, useState } from "react";
import { ConfirmDialog } from "../internal/confirm-dialog.tsx";
import { DialogButton, type DialogButtonProps } from "../internal/dialog-button.tsx";

interface Question {
  readonly title: string;
  /** Label of the field. */
  readonly field: string;
  readonly initial?: string | undefined;
  readonly confirmLabel: string;
  /** Called with the trimmed text; never with an empty one. */
  readonly onConfirm: (text: string) => Promise<unknown>;
}

/** Button that opens a dialog with one text field. */
export function AskButton({
  title,
  field,
  initial,
  confirmLabel,
  onConfirm,
  ...button
}: DialogButtonProps & Question) {
  const question = { title, field, initial, confirmLabel, onConfirm };
  return <DialogButton {...button} dialog={(onClose) => <AskDialog {...question} onClose={onClose} />} />;
}

function AskDialog({
  title,
  field,
  initial = "",
  confirmLabel,
  onConfirm,
  onClose,
}: Question & { readonly onClose: () => void }) {
  const id = useId();
  const [text, setText] = useState(initial);
  const value = text.trim();
  return (
    <ConfirmDialog
      title={title}
      dismissLabel="Cancel"
      confirmLabel={confirmLabel}
      confirmClassName="button button-primary"
      ready={value !== ""}
      action={() => onConfirm(value)}
      onClose={onClose}
    >
      <div className="field">
        <label htmlFor={id}>{field}</label>
        <input
          id={id}
          value={text}
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => setText(event.target.value)}
        />
      </div>
    </ConfirmDialog>
  );
}

import { type ReactNode, useId, useState } from "react";
import { DialogButton, type DialogButtonProps } from "../internal/dialog-button.tsx";
import { ConfirmDialog } from "./confirm-dialog.tsx";

interface Question {
  readonly title: string;
  /** Label of the field. */
  readonly field: string;
  readonly initial?: string | undefined;
  readonly confirmLabel: string;
  /** Above the field. */
  readonly children?: ReactNode;
  /** The text that confirms something that cannot be undone: no other is accepted. */
  readonly expected?: string;
  /** Called with the trimmed text; never with an empty one. */
  readonly onConfirm: (text: string) => Promise<unknown>;
}

/** Button that opens a dialog with one text field. */
export function AskButton({
  title,
  field,
  initial,
  confirmLabel,
  children,
  expected,
  onConfirm,
  ...button
}: DialogButtonProps & Question) {
  const question = {
    ...{ title, field, initial, confirmLabel, children, onConfirm },
    ...(expected === undefined ? {} : { expected }),
  };
  return <DialogButton {...button} dialog={(onClose) => <AskDialog {...question} onClose={onClose} />} />;
}

function AskDialog({
  title,
  field,
  initial = "",
  confirmLabel,
  children,
  expected,
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
      confirmClassName={expected === undefined ? "button button-primary" : "button button-stop"}
      ready={expected === undefined ? value !== "" : value === expected}
      action={() => onConfirm(value)}
      onClose={onClose}
    >
      {children}
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

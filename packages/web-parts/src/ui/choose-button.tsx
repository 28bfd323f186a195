import { type ReactNode, useId, useState } from "react";
import { DialogButton, type DialogButtonProps } from "../internal/dialog-button.tsx";
import { ConfirmDialog } from "./confirm-dialog.tsx";

interface Choice {
  readonly title: string;
  /** Label of the field. */
  readonly field: string;
  readonly options: readonly { readonly value: string; readonly text: string }[];
  readonly confirmLabel: string;
  /** Above the field. */
  readonly children?: ReactNode;
  /** Called with one of the values. */
  readonly onConfirm: (value: string) => Promise<unknown>;
}

/** Button that opens a dialog with one list to choose from. */
export function ChooseButton({
  title,
  field,
  options,
  confirmLabel,
  children,
  onConfirm,
  ...button
}: DialogButtonProps & Choice) {
  const choice = { title, field, options, confirmLabel, children, onConfirm };
  return <DialogButton {...button} dialog={(onClose) => <ChooseDialog {...choice} onClose={onClose} />} />;
}

function ChooseDialog({
  title,
  field,
  options,
  confirmLabel,
  children,
  onConfirm,
  onClose,
}: Choice & { readonly onClose: () => void }) {
  const id = useId();
  const [value, setValue] = useState("");
  return (
    <ConfirmDialog
      title={title}
      dismissLabel="Cancel"
      confirmLabel={confirmLabel}
      confirmClassName="button button-primary"
      ready={options.some((each) => each.value === value)}
      action={() => onConfirm(value)}
      onClose={onClose}
    >
      {children}
      <div className="field">
        <label htmlFor={id}>{field}</label>
        <select id={id} value={value} onChange={(event) => setValue(event.target.value)}>
          <option value="">Choose…</option>
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.text}
            </option>
          ))}
        </select>
      </div>
    </ConfirmDialog>
  );
}

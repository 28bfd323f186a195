/** Components used by several tabs. */
import { type ReactNode, useId } from "react";

/** A labelled text field of one line. */
export function TextField({
  label,
  value,
  onChange,
  placeholder,
  type = "text",
  help,
}: {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly placeholder?: string;
  readonly type?: "text" | "search" | "number" | "datetime-local";
  readonly help?: string;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type={type}
        value={value}
        placeholder={placeholder}
        autoComplete="off"
        spellCheck={false}
        step={type === "datetime-local" ? 1 : undefined}
        min={type === "number" ? 0 : undefined}
        aria-describedby={help === undefined ? undefined : `${id}-help`}
        onChange={(event) => onChange(event.target.value)}
      />
      {help !== undefined && (
        <p id={`${id}-help`} className="field-help">
          {help}
        </p>
      )}
    </div>
  );
}

/** A field for JSON or SQL. Ctrl+Enter submits the form. */
export function CodeField({
  label,
  value,
  onChange,
  onSubmit,
  rows = 3,
  help,
  problem,
}: {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly onSubmit: () => void;
  readonly rows?: number;
  readonly help?: string;
  readonly problem?: string | undefined;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <textarea
        id={id}
        className="code-field mono"
        rows={rows}
        value={value}
        spellCheck={false}
        autoCapitalize="off"
        aria-invalid={problem !== undefined}
        aria-describedby={`${id}-help`}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || !(event.metaKey || event.ctrlKey)) return;
          event.preventDefault();
          onSubmit();
        }}
      />
      <p
        id={`${id}-help`}
        className={problem === undefined ? "field-help" : "field-problem"}
        aria-live="polite"
      >
        {problem ?? help ?? "\u00a0"}
      </p>
    </div>
  );
}

export function SelectField({
  label,
  value,
  onChange,
  children,
}: {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly children: ReactNode;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value)}>
        {children}
      </select>
    </div>
  );
}

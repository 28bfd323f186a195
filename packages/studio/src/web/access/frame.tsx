import "./access.css";
import { BrandMark, ErrorNotice, usePageTitle } from "@holdfast/web-parts";
import { type ReactNode, type SubmitEvent, useId } from "react";

/** A page with one form in the middle. */
export function AccessFrame({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  usePageTitle(title);
  return (
    <main className="access">
      <div className="access-card">
        <BrandMark size={36} />
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}

/** A form that is sent by a mutation. */
export function AccessForm({
  submitLabel,
  isPending,
  error,
  onSubmit,
  children,
}: {
  readonly submitLabel: string;
  readonly isPending: boolean;
  readonly error: unknown;
  readonly onSubmit: () => void;
  readonly children: ReactNode;
}) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!isPending) onSubmit();
  };
  return (
    <form className="access-form" onSubmit={submit}>
      {children}
      {error !== null && <ErrorNotice error={error} />}
      <button type="submit" className="button button-primary button-wide" disabled={isPending}>
        {isPending && <span className="spinner" aria-hidden="true" />}
        {submitLabel}
      </button>
    </form>
  );
}

/** A labelled input that must be filled in. */
export function AccessField({
  label,
  hint,
  type = "text",
  value,
  autoComplete,
  minLength,
  readOnly = false,
  onChange,
}: {
  readonly label: string;
  readonly hint?: string;
  readonly type?: "text" | "email" | "password";
  readonly value: string;
  readonly autoComplete: string;
  readonly minLength?: number;
  readonly readOnly?: boolean;
  readonly onChange: (value: string) => void;
}) {
  const id = useId();
  return (
    <div className="access-field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type={type}
        value={value}
        required
        minLength={minLength}
        maxLength={type === "password" ? 128 : 320}
        readOnly={readOnly}
        autoComplete={autoComplete}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        onChange={(event) => onChange(event.target.value)}
      />
      {hint !== undefined && (
        <p id={`${id}-hint`} className="muted small">
          {hint}
        </p>
      )}
    </div>
  );
}

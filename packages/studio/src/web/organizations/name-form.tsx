import { ErrorNotice } from "@holdfast/web-parts";
import type { UseMutationResult } from "@tanstack/react-query";
import { type SubmitEvent, useId, useState } from "react";

/** One field for the name of an organization. */
export function NameForm<Result>({
  label,
  button,
  initial,
  change,
  onDone,
}: {
  readonly label: string;
  readonly button: string;
  readonly initial: string;
  readonly change: UseMutationResult<Result, Error, string>;
  readonly onDone: (name: string, result: Result) => void;
}) {
  const id = useId();
  const [text, setText] = useState(initial);
  const name = text.trim();
  const isReady = name !== "" && name !== initial && !change.isPending;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (isReady) change.mutate(name, { onSuccess: (result) => onDone(name, result) });
  };
  return (
    <form className="organization-form" onSubmit={submit}>
      <div className="field">
        <label htmlFor={id}>{label}</label>
        <input
          id={id}
          value={text}
          maxLength={100}
          autoComplete="off"
          onChange={(event) => setText(event.target.value)}
        />
      </div>
      <button type="submit" className="button" disabled={!isReady}>
        {button}
      </button>
      {change.isError && <ErrorNotice error={change.error} />}
    </form>
  );
}

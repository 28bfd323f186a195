import type { UseMutationResult } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import { ErrorNotice } from "../ui/notice.tsx";

/** One field with the button that starts what it names. With `options` one of them is chosen. */
export function LaunchForm({
  label,
  button,
  work,
  placeholder,
  options,
}: {
  readonly label: string;
  readonly button: string;
  readonly work: UseMutationResult<unknown, Error, string>;
  readonly placeholder?: string;
  readonly options?: readonly { readonly value: string; readonly text: string }[];
}) {
  const [text, setText] = useState("");
  const id = useId();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() !== "" && !work.isPending) work.mutate(text);
  };
  return (
    <form onSubmit={submit}>
      <label htmlFor={id}>{label}</label>
      <span className="desktop-line">
        {options === undefined ? (
          <input
            id={id}
            className="mono"
            value={text}
            placeholder={placeholder}
            spellCheck={false}
            autoComplete="off"
            autoCapitalize="off"
            onChange={({ target }) => setText(target.value)}
          />
        ) : (
          <select id={id} value={text} onChange={({ target }) => setText(target.value)}>
            <option value="">Choose…</option>
            {options.map((option) => (
              <option key={option.value} value={option.value}>
                {option.text}
              </option>
            ))}
          </select>
        )}
        <button type="submit" className="button button-small" disabled={text.trim() === "" || work.isPending}>
          {button}
        </button>
      </span>
      {work.isError && <ErrorNotice error={work.error} title="Nothing was started." />}
    </form>
  );
}

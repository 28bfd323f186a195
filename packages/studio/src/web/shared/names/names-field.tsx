/** A text field of several names, and the names in its text. */
import { useId } from "react";

/** The names in a text with commas between. */
export function namesOf(text: string): readonly string[] {
  return [...new Set(text.split(",").map((name) => name.trim()))].filter((name) => name !== "");
}

/** Names with commas between. The last one is completed from `choices`, those that are there already are not proposed. */
export function NamesField({
  label,
  value,
  choices,
  onChange,
}: {
  readonly label: string;
  readonly value: string;
  readonly choices: readonly string[];
  readonly onChange: (value: string) => void;
}) {
  const id = useId();
  const before = value.slice(0, value.lastIndexOf(",") + 1).trim();
  const chosen = namesOf(before);
  const prefix = before === "" ? "" : `${before} `;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        list={`${id}-choices`}
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        placeholder="Separated by commas"
        value={value}
        onChange={({ target }) => onChange(target.value)}
      />
      <datalist id={`${id}-choices`}>
        {choices
          .filter((name) => !chosen.includes(name))
          .map((name) => (
            <option key={name} value={`${prefix}${name}`}>
              {name}
            </option>
          ))}
      </datalist>
    </div>
  );
}

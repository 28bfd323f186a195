import { useId } from "react";

/** What a list is limited to: one of some kinds, and those that have a text. */
export interface ListFilter<Kind extends string> {
  readonly kind: Kind;
  readonly search: string;
}

export function ListFilters<Kind extends string>({
  label,
  kinds,
  placeholder,
  value,
  onChange,
}: {
  /** Of the choice of a kind. */
  readonly label: string;
  readonly kinds: readonly { readonly value: Kind; readonly label: string }[];
  /** What is searched. */
  readonly placeholder: string;
  readonly value: ListFilter<Kind>;
  readonly onChange: (value: ListFilter<Kind>) => void;
}) {
  const id = useId();
  return (
    <div className="filters">
      <div className="field-inline">
        <label htmlFor={`${id}-kind`}>{label}</label>
        <select
          id={`${id}-kind`}
          value={value.kind}
          onChange={({ target }) => {
            const kind = kinds.find((each) => each.value === target.value);
            if (kind !== undefined) onChange({ ...value, kind: kind.value });
          }}
        >
          {kinds.map((kind) => (
            <option key={kind.value} value={kind.value}>
              {kind.label}
            </option>
          ))}
        </select>
      </div>
      <div className="field-inline field-grow">
        <label htmlFor={`${id}-search`}>Search</label>
        <input
          id={`${id}-search`}
          type="search"
          value={value.search}
          placeholder={placeholder}
          spellCheck={false}
          onChange={({ target }) => onChange({ ...value, search: target.value })}
        />
      </div>
    </div>
  );
}

import { visibleText } from "@holdfast/sandbox-react/visible-text";
import type { AgentOption } from "../../../contract.ts";

/** Choices that an agent offers: its model, its mode. One without alternatives is not shown. */
export function AgentOptions({
  options,
  chosen,
  onChoose,
}: {
  readonly options: readonly AgentOption[];
  /** By the ids of options; the others are as the agent has them. */
  readonly chosen: Readonly<Record<string, string>>;
  readonly onChoose: (id: string, value: string) => void;
}) {
  return options
    .filter(({ values }) => values.length > 1)
    .map((option) => (
      <OptionField key={option.id} option={option} chosen={chosen[option.id]} onChoose={onChoose} />
    ));
}

function OptionField({
  option: { id, name, current, values },
  chosen,
  onChoose,
}: {
  readonly option: AgentOption;
  readonly chosen: string | undefined;
  readonly onChoose: (id: string, value: string) => void;
}) {
  const value = chosen ?? current;
  const isKnown = values.some((each) => each.id === value);
  return (
    <label className="prompt-option">
      <span>{visibleText(name)}</span>
      <select value={isKnown ? value : ""} onChange={(event) => onChoose(id, event.target.value)}>
        {!isKnown && (
          <option value="" disabled>
            {value === "" ? "Default" : visibleText(value)}
          </option>
        )}
        {values.map((each) => (
          <option key={each.id} value={each.id} title={each.description}>
            {visibleText(each.name)}
          </option>
        ))}
      </select>
    </label>
  );
}

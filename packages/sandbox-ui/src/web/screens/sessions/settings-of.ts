import type { Session } from "../../api/types.ts";

/** One thing that a person may choose for a session, as its agent offers it. */
export interface Setting {
  /** The member of a session's change, or the id of one of the agent's own options. */
  readonly id: string;
  readonly kind: "mode" | "model" | "thoughtLevel" | "option";
  readonly label: string;
  /** Empty where nobody has said it yet. */
  readonly current: string;
  readonly choices: readonly Choice[];
}

export interface Choice {
  readonly value: string;
  readonly name: string;
}

type Fields = Readonly<Record<string, unknown>>;

const kinds: Readonly<Record<string, Setting["kind"]>> = {
  mode: "mode",
  model: "model",
  thought_level: "thoughtLevel",
};
const labels = { mode: "Mode", model: "Model", thoughtLevel: "Thinking" } as const;
const order: readonly Setting["kind"][] = ["mode", "model", "thoughtLevel", "option"];

/**
 * What can be chosen, mode and model first. Agents say it in one or both of two ways: lists of their own for
 * modes and models, or options with a category. Where both are there, the server goes by the list of modes and
 * by the option of models, so what is shown is that too.
 */
export function settingsOf(session: Session): readonly Setting[] {
  const options = array(session.configOptions).flatMap(optionSetting);
  const modes = listed(session.modes, "availableModes", "id", session.mode, "currentModeId");
  const models = listed(session.models, "availableModels", "modelId", session.model, "currentModelId");
  const found = [
    ...(modes.choices.length > 0
      ? [{ id: "mode", kind: "mode" as const, label: labels.mode, ...modes }]
      : []),
    ...options.filter(({ kind }) => kind !== "mode" || modes.choices.length === 0),
    ...(models.choices.length > 0 && !options.some(({ kind }) => kind === "model")
      ? [{ id: "model", kind: "model" as const, label: labels.model, ...models }]
      : []),
  ];
  return found.toSorted((one, other) => order.indexOf(one.kind) - order.indexOf(other.kind));
}

/** The body of the change that makes it so. */
export function changeOf({ id, kind }: Setting, value: string) {
  return kind === "option" ? { config: { [id]: value } } : { [kind]: value };
}

function listed(value: unknown, list: string, id: string, chosen: string | undefined, current: string) {
  const fields = record(value);
  const choices = array(fields[list]).flatMap((item) => choiceOf(record(item), id));
  const told = fields[current];
  return { choices, current: chosen ?? (typeof told === "string" ? told : "") };
}

function optionSetting(item: unknown): Setting[] {
  const { id, name, category, currentValue, options } = record(item);
  const choices = choicesOf(options);
  if (typeof id !== "string" || typeof currentValue !== "string" || choices.length === 0) return [];
  const kind = (typeof category === "string" ? kinds[category] : undefined) ?? "option";
  const label = kind === "option" ? (typeof name === "string" ? name : id) : labels[kind];
  return [{ id: kind === "option" ? id : kind, kind, label, current: currentValue, choices }];
}

/** Choices may stand in groups. */
function choicesOf(options: unknown): Choice[] {
  return array(options).flatMap((item) => {
    const fields = record(item);
    return Array.isArray(fields["options"]) ? choicesOf(fields["options"]) : choiceOf(fields, "value");
  });
}

function choiceOf(fields: Fields, id: string): Choice[] {
  const value = fields[id];
  if (typeof value !== "string" || value === "") return [];
  return [{ value, name: typeof fields["name"] === "string" ? fields["name"] : value }];
}

function array(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function record(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

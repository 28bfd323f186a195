import type { Session } from "../../api/types.ts";

/** An option of a session that can be changed, as its agent offers it. */
export interface Setting {
  /** The field of the change request, or the id of an option that only this agent has. */
  readonly id: string;
  readonly kind: "mode" | "model" | "thoughtLevel" | "option";
  readonly label: string;
  /** Empty if it was never set. */
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
 * Returns the options of a session, mode and model first. Agents offer them as separate lists of modes and models, as
 * options with a category, or as both. If both exist, the server uses the list for modes and the option for models,
 * and so does this function.
 */
export function readSettings(session: Session): readonly Setting[] {
  const options = array(session.configOptions).flatMap(readOption);
  const modes = readList(session.modes, "availableModes", "id", session.mode, "currentModeId");
  const models = readList(session.models, "availableModels", "modelId", session.model, "currentModelId");
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

/** Returns the request body that sets an option. */
export function toSessionChange({ id, kind }: Setting, value: string) {
  return kind === "option" ? { config: { [id]: value } } : { [kind]: value };
}

function readList(value: unknown, list: string, id: string, chosen: string | undefined, current: string) {
  const fields = record(value);
  const choices = array(fields[list]).flatMap((item) => readChoice(record(item), id));
  const reported = fields[current];
  return { choices, current: chosen ?? (typeof reported === "string" ? reported : "") };
}

function readOption(item: unknown): Setting[] {
  const { id, name, category, currentValue, options } = record(item);
  const choices = readChoices(options);
  if (typeof id !== "string" || typeof currentValue !== "string" || choices.length === 0) return [];
  const kind = (typeof category === "string" ? kinds[category] : undefined) ?? "option";
  const label = kind === "option" ? (typeof name === "string" ? name : id) : labels[kind];
  return [{ id: kind === "option" ? id : kind, kind, label, current: currentValue, choices }];
}

/** Flattens groups of choices. */
function readChoices(options: unknown): Choice[] {
  return array(options).flatMap((item) => {
    const fields = record(item);
    return Array.isArray(fields["options"]) ? readChoices(fields["options"]) : readChoice(fields, "value");
  });
}

function readChoice(fields: Fields, id: string): Choice[] {
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

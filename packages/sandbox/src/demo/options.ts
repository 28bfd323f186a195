import { type Params, RpcError } from "./rpc.ts";
import type { Mode, Session } from "./sessions.ts";

/**
 * Whether the agent runs under the peer's id `mock`. It then offers the options that the peer's clients expect:
 * `normal` instead of the mode `ask`, and a model and a thought level, which change nothing.
 */
export const isMock = process.env.HOLDFAST_DEMO_MOCK === "1";

interface OptionValue {
  readonly value: string;
  readonly name: string;
  readonly description?: string;
}

const modes: readonly (OptionValue & { readonly mode: Mode })[] = [
  isMock
    ? { value: "normal", mode: "ask", name: "Normal", description: "Asks before every change" }
    : { value: "ask", mode: "ask", name: "Ask first", description: "Asks before every change" },
  {
    value: "auto",
    mode: "auto",
    name: "Automatic",
    description: "Changes files and runs commands without asking",
  },
  ...(isMock
    ? [{ value: "plan", mode: "plan", name: "Plan", description: "Plans and changes nothing" } as const]
    : []),
];

const choices = {
  model: {
    name: "Model",
    values: [
      { value: "mock", name: "Mock" },
      { value: "mock-fast", name: "Mock Fast" },
    ],
  },
  thought_level: {
    name: "Thought Level",
    values: [
      { value: "low", name: "Low" },
      { value: "medium", name: "Medium" },
      { value: "high", name: "High" },
    ],
  },
} as const;

/** Returns the options of a session, as `session/new` and `session/load` report them. */
export function sessionOptions(session: Session): Params {
  const currentModeId = modes.find((each) => each.mode === session.mode)?.value;
  const availableModes = modes.map(({ value, name, description }) => ({ id: value, name, description }));
  return { modes: { currentModeId, availableModes }, ...(isMock ? configOptions(session) : {}) };
}

function configOptions(session: Session): Params {
  const mode = modes.find((each) => each.mode === session.mode)?.value;
  const values = modes.map(({ value, name }) => ({ value, name }));
  const select = (id: string, name: string, currentValue: unknown, options: readonly OptionValue[]) => ({
    id,
    name,
    category: id,
    type: "select",
    currentValue,
    options,
  });
  return {
    configOptions: [
      select("model", choices.model.name, session.model, choices.model.values),
      select("mode", "Mode", mode, values),
      select("thought_level", choices.thought_level.name, session.thoughtLevel, choices.thought_level.values),
    ],
  };
}

export function setMode(session: Session, value: unknown): void {
  const selected = modes.find((each) => each.value === value);
  if (!selected) throw new RpcError(-32602, `There is no mode ${String(value)}`);
  session.mode = selected.mode;
}

/** Sets one option and returns all of them, as ACP requires. */
export function setOption(session: Session, id: unknown, value: unknown): Params {
  const has = (values: readonly OptionValue[]) => values.some((each) => each.value === value);
  if (id === "mode") setMode(session, value);
  else if (id === "model" && has(choices.model.values)) session.model = String(value);
  else if (id === "thought_level" && has(choices.thought_level.values)) session.thoughtLevel = String(value);
  else throw new RpcError(-32602, `There is no option ${String(id)} with the value ${String(value)}`);
  return configOptions(session);
}

import { useQuery } from "@tanstack/react-query";
import { useId } from "react";
import { useApi } from "../shared/context.ts";
import type { AttemptDraft } from "../shared/new-task/task-draft.ts";
import { AgentOptions } from "../shared/prompt/agent-options.tsx";
import { agentsQuery } from "../shared/queries.ts";

/** Further attempts besides the first one. */
const maxFurther = 7;

/** Further attempts at the same prompt: an agent each, with its model and mode. The chosen agent makes the first one. */
export function AttemptsField({
  value,
  first,
  onChange,
}: {
  readonly value: readonly AttemptDraft[];
  /** Id of the agent that was chosen. */
  readonly first: string | undefined;
  readonly onChange: (attempts: readonly AttemptDraft[]) => void;
}) {
  const id = useId();
  const { data: agents = [] } = useQuery(agentsQuery(useApi()));
  const usable = agents.filter(({ installed, ready }) => installed && ready);
  const unused = usable.find(
    (agent) => agent.id !== first && !value.some(({ agent: id }) => id === agent.id),
  );
  const next = unused?.id ?? first ?? usable[0]?.id;
  if (next === undefined) return null;
  return (
    <fieldset className="field attempts-field">
      <legend>Attempts</legend>
      <p className="field-help" id={`${id}-help`}>
        {value.length === 0
          ? "Several agents can try the same in parallel, each in a copy of its own. You keep the best."
          : `${value.length + 1} attempts work in parallel, each in a copy of its own. You keep the best.`}
      </p>
      {value.map(({ agent, options }, index) => (
        // Attempts have no identity of their own, and only the last one is added or removed.
        <div key={index} className="attempts-row">
          <label htmlFor={`${id}-${index}`}>Attempt {index + 2}</label>
          <select
            id={`${id}-${index}`}
            value={agent}
            onChange={(event) => onChange(value.with(index, { agent: event.target.value, options: {} }))}
          >
            {usable.map((each) => (
              <option key={each.id} value={each.id}>
                {each.name}
              </option>
            ))}
          </select>
          <AgentOptions
            options={usable.find((each) => each.id === agent)?.options ?? []}
            chosen={options}
            onChoose={(option, choice) =>
              onChange(value.with(index, { agent, options: { ...options, [option]: choice } }))
            }
          />
          <button
            type="button"
            className="button button-small"
            aria-label={`Remove attempt ${index + 2}`}
            onClick={() => onChange(value.toSpliced(index, 1))}
          >
            Remove
          </button>
        </div>
      ))}
      {value.length < maxFurther && (
        <button
          type="button"
          className="button button-small"
          aria-describedby={`${id}-help`}
          onClick={() => onChange([...value, { agent: next, options: {} }])}
        >
          Add an attempt
        </button>
      )}
    </fieldset>
  );
}

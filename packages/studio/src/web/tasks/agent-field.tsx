import { ErrorNotice, Loading } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useId } from "react";
import type { AgentChoice } from "../../contract.ts";
import { AgentHint } from "../shared/agent-hint.tsx";
import { useApi } from "../shared/context.ts";
import { agentsQuery } from "../shared/queries.ts";

/** Usable agents as radio buttons; below them the others, with what they lack. */
export function AgentField({
  value,
  preferred,
  onChange,
  problem,
}: {
  readonly value: string | undefined;
  readonly preferred: string | undefined;
  readonly onChange: (agent: AgentChoice) => void;
  readonly problem: string | undefined;
}) {
  const id = useId();
  const api = useApi();
  const query = useQuery(agentsQuery(api));
  const agents = query.data;
  useEffect(() => {
    if (value !== undefined || agents === undefined) return;
    const usable = agents.filter((agent) => agent.installed && agent.ready);
    const first = usable.find((agent) => agent.id === preferred) ?? usable[0];
    if (first !== undefined) onChange(first);
  }, [agents, onChange, preferred, value]);
  const usable = agents?.filter((agent) => agent.installed && agent.ready) ?? [];
  const others = agents?.filter((agent) => !agent.installed || !agent.ready) ?? [];
  return (
    <fieldset className="field agent-field" aria-describedby={`${id}-problem`}>
      <legend>Agent</legend>
      {query.isPending && <Loading label="Looking for agents" rows={2} />}
      {query.isError && agents === undefined && (
        <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
      )}
      <div className="agent-choices">
        {usable.map((agent) => (
          <label key={agent.id} className="agent-choice">
            <input
              type="radio"
              name={`${id}-agent`}
              value={agent.id}
              checked={agent.id === value}
              onChange={() => onChange(agent)}
            />
            <span className="agent-name">{agent.name}</span>
            {agent.version !== undefined && <span className="muted mono small">{agent.version}</span>}
            {agent.hint !== undefined && <span className="agent-hint">{agent.hint}</span>}
          </label>
        ))}
      </div>
      {others.length > 0 && (
        <details className="agent-others" open={usable.length === 0}>
          <summary>
            {others.length} more {others.length === 1 ? "agent" : "agents"} to set up
          </summary>
          <ul>
            {others.map((agent) => (
              <li key={agent.id} data-agent={agent.id}>
                <span className="agent-name">{agent.name}</span>
                <span className="tag">{agent.installed ? "no model" : "not installed"}</span>
                {agent.hint !== undefined && (
                  <div className="agent-hint">
                    <AgentHint hint={agent.hint} />
                  </div>
                )}
              </li>
            ))}
          </ul>
        </details>
      )}
      <p id={`${id}-problem`} className="field-problem" hidden={problem === undefined}>
        {problem}
      </p>
    </fieldset>
  );
}

import type { AgentInfo } from "@holdfast/sandbox-client";
import { ErrorNotice, Loading, Status, useAnnounce, usePageTitle } from "@holdfast/web-parts";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useApi } from "../api/context.ts";
import { agentsQuery, keys } from "../api/queries.ts";

/** The available agents: which are installed, which can reach a model, and a button to install the others. */
export function AgentsScreen() {
  usePageTitle("Agents");
  const { data, error, refetch } = useQuery(agentsQuery(useApi()));
  return (
    <div className="page">
      <div className="page-head">
        <h1>Agents</h1>
      </div>
      {data === undefined && error === null && <Loading label="Loading the agents" rows={6} />}
      {data === undefined && error !== null && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {data !== undefined && (
        <ul className="cards" data-testid="agents">
          {data.map((agent) => (
            <li key={agent.id}>
              <AgentCard agent={agent} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function AgentCard({ agent }: { readonly agent: AgentInfo }) {
  const capabilities = Object.entries(agent.capabilities).filter(([, has]) => has);
  return (
    <article className="card" aria-label={agent.id}>
      <header className="card-head">
        <h2>
          {agent.id} {typeof agent.version === "string" && <span className="muted">{agent.version}</span>}
        </h2>
        <Status
          kind={agent.installed ? "idle" : "stopped"}
          label={agent.installed ? "Installed" : "Not installed"}
        />
      </header>
      <p className="small">
        {agent.credentialsAvailable ? "Credentials were found." : "No credentials were found."}
        {agent.serverStatus?.status === "running" && " It runs."}
      </p>
      {typeof agent.path === "string" && (
        <p className="small">
          <code className="muted">{agent.path}</code>
        </p>
      )}
      {capabilities.length > 0 && (
        <p className="tags">
          {capabilities.map(([name]) => (
            <span key={name} className="tag">
              {name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}
            </span>
          ))}
        </p>
      )}
      {!agent.installed && <Install id={agent.id} />}
    </article>
  );
}

function Install({ id }: { readonly id: string }) {
  const { client } = useApi();
  const queries = useQueryClient();
  const announce = useAnnounce();
  const install = useMutation({
    mutationFn: () => client.installAgent(id),
    async onSuccess() {
      announce(`${id} is installed.`);
      await queries.invalidateQueries({ queryKey: keys.agents });
    },
  });
  return (
    <>
      <div className="actions">
        <button
          type="button"
          className="button button-small"
          aria-label={`Install ${id}`}
          disabled={install.isPending}
          onClick={() => install.mutate()}
        >
          {install.isPending ? (
            <>
              <span className="spinner" aria-hidden="true" /> Installing…
            </>
          ) : (
            "Install"
          )}
        </button>
      </div>
      {install.isError && <ErrorNotice error={install.error} title={`${id} was not installed.`} />}
    </>
  );
}

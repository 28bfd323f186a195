import { ErrorNotice, Loading, usePageTitle } from "@holdfast/web-parts";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useApi } from "../../api/context.ts";
import { agentsQuery, keys } from "../../api/queries.ts";
import { FolderField } from "../folder-field.tsx";

export function NewSessionScreen() {
  usePageTitle("New session");
  const { data, error, refetch } = useQuery(agentsQuery(useApi()));
  const installed = data?.filter(({ installed }) => installed) ?? [];
  return (
    <div className="page page-narrow">
      <h1>New session</h1>
      {data === undefined && error === null && <Loading label="Loading the agents" />}
      {data === undefined && error !== null && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {data !== undefined && <NewSessionForm agents={installed.map(({ id }) => id)} />}
    </div>
  );
}

function NewSessionForm({ agents }: { readonly agents: readonly string[] }) {
  const api = useApi();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [agent, setAgent] = useState(agents.includes("demo") ? "demo" : (agents[0] ?? ""));
  const [cwd, setCwd] = useState("");
  const [title, setTitle] = useState("");
  const create = useMutation({
    mutationFn: () =>
      api.createSession({
        agent,
        ...(cwd.trim() === "" ? {} : { cwd: cwd.trim() }),
        ...(title.trim() === "" ? {} : { title: title.trim() }),
      }),
    async onSuccess({ id }) {
      void queries.invalidateQueries({ queryKey: keys.sessions });
      await navigate({ to: "/sessions/$sessionId", params: { sessionId: id } });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!create.isPending) create.mutate();
  };
  return (
    <form className="stack" onSubmit={submit}>
      <fieldset className="field">
        <legend>Agent</legend>
        <div className="choices">
          {agents.map((id) => (
            <label key={id} className="choice">
              <input
                type="radio"
                name="agent"
                value={id}
                checked={id === agent}
                onChange={() => setAgent(id)}
              />
              {id}
            </label>
          ))}
        </div>
        <p className="muted small">
          Only installed agents are listed. <Link to="/agents">All agents</Link>
        </p>
      </fieldset>
      <FolderField id="new-cwd" value={cwd} onChange={setCwd} />
      <div className="field">
        <label htmlFor="new-title">Title</label>
        <input
          id="new-title"
          value={title}
          placeholder="Optional"
          autoComplete="off"
          onChange={(event) => setTitle(event.target.value)}
        />
      </div>
      {create.isError && <ErrorNotice error={create.error} title="The session was not created." />}
      <div className="actions">
        <button type="submit" className="button button-primary" disabled={create.isPending || agent === ""}>
          {create.isPending ? "Opening…" : "Open session"}
        </button>
      </div>
    </form>
  );
}

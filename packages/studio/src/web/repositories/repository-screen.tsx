import { visibleText } from "@holdfast/sandbox-react/visible-text";
import {
  ConfirmButton,
  ErrorNotice,
  Loading,
  PlusIcon,
  RefreshIcon,
  TimeAgo,
  usePageTitle,
} from "@holdfast/web-parts";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import type { MirrorView, RepositoryView } from "../../backend/repositories/contract.ts";
import { useApi } from "../shared/context.ts";
import { dropRepository } from "../shared/new-task/repositories.ts";
import { emptyDraft, taskDraft } from "../shared/new-task/task-draft.ts";
import { Connection } from "./connection.tsx";
import { Issues } from "./issues.tsx";
import { MergedTasks } from "./merged-tasks.tsx";
import { PullRequests } from "./pull-requests.tsx";
import { connectedQuery, useCancelFetch, useMayManage, useRepositoryLive, useSync } from "./queries.ts";
import { countText, kindNames, problemOf, RepositoryStatus } from "./state.tsx";

export function RepositoryScreen({ id }: { readonly id: string }) {
  const query = useQuery(connectedQuery(useApi(), id));
  useRepositoryLive(id);
  const repository = query.data;
  usePageTitle(repository?.name ?? "Repository");
  return (
    <div className="page repositories-page">
      <p className="repository-back">
        <Link to="/repositories">Repositories</Link>
      </p>
      {query.isPending && <Loading label="Loading the repository" rows={5} />}
      {query.isError && repository === undefined && (
        <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
      )}
      {repository !== undefined && <Found repository={repository} />}
    </div>
  );
}

function Found({ repository }: { readonly repository: RepositoryView }) {
  const { id, name, kind, syncedAt, mirror, source } = repository;
  const sync = useSync(id);
  const mayManage = useMayManage();
  const problem = problemOf(repository);
  return (
    <>
      <div className="page-head">
        <h1>{visibleText(name)}</h1>
        <div className="repository-buttons">
          <Link to="/environment" search={{ repository: name }} className="button">
            Environment
          </Link>
          <button
            type="button"
            className="button"
            disabled={sync.isPending || repository.status === "syncing"}
            onClick={() => sync.mutate()}
          >
            <RefreshIcon />
            Sync now
          </button>
          <NewTaskButton repository={repository} />
        </div>
      </div>
      <div className="repository-facts">
        <RepositoryStatus repository={repository} />
        <span>{kindNames[kind]}</span>
        {mirror?.defaultBranch !== undefined && <code>{visibleText(mirror.defaultBranch)}</code>}
        <span>{countText(repository)}</span>
        {syncedAt !== null && (
          <span className="muted">
            synced <TimeAgo at={syncedAt} />
          </span>
        )}
      </div>
      {sync.isError && <ErrorNotice error={sync.error} title="The sync did not begin." />}
      {problem !== undefined && (
        <div className="notice notice-error" role="status">
          <p>{visibleText(problem)}</p>
        </div>
      )}
      {mirror?.status === "fetching" && <Fetching id={id} mirror={mirror} />}
      {source.kind === "forge" && <PullRequests repository={repository} />}
      {source.kind === "forge" && <Issues repository={repository} />}
      {source.kind === "forge" && <MergedTasks repository={repository} />}
      <Connection repository={repository} />
      {mayManage && <Remove repository={repository} />}
    </>
  );
}

function NewTaskButton({ repository: { id, name } }: { readonly repository: RepositoryView }) {
  const navigate = useNavigate();
  return (
    <button
      type="button"
      className="button button-primary"
      onClick={() => {
        taskDraft().change((draft) => ({
          ...draft,
          repository: { ...emptyDraft.repository, path: name, connected: id },
        }));
        void navigate({ to: "/", hash: "new-task" });
      }}
    >
      <PlusIcon />
      New task
    </button>
  );
}

function Fetching({ id, mirror: { progress } }: { readonly id: string; readonly mirror: MirrorView }) {
  const cancel = useCancelFetch(id);
  const { phase = "Connecting", percent, amount } = progress ?? {};
  return (
    <div className="repository-fetch" role="status">
      <span>
        {phase}
        {percent !== undefined && ` ${percent}%`}
        {amount !== undefined && <span className="muted"> {amount}</span>}
      </span>
      <progress
        max={100}
        aria-label="Progress of the fetch"
        {...(percent === undefined ? {} : { value: percent })}
      />
      <button
        type="button"
        className="button button-small"
        disabled={cancel.isPending}
        onClick={() => cancel.mutate()}
      >
        Cancel
      </button>
    </div>
  );
}

function Remove({ repository: { id, name, kind } }: { readonly repository: RepositoryView }) {
  const api = useApi();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const where = kind === "folder" ? "The folder" : `The repository at ${kindNames[kind]}`;
  return (
    <section className="repository-section" aria-labelledby="remove-heading">
      <h2 id="remove-heading">Remove</h2>
      <p className="muted">
        {where} and all tasks stay. The copy on this machine and the stored token are deleted.
      </p>
      <ConfirmButton
        label="Remove"
        className="button button-stop"
        title={`Remove ${name}?`}
        confirmLabel="Remove"
        onConfirm={() => api.organization.disconnectRepository(id)}
        onDone={() => {
          dropRepository(queries, id);
          void navigate({ to: "/repositories" });
        }}
      >
        {where} and all tasks stay. Tasks that have not started yet cannot start, and Apply cannot push from
        tasks on it.
      </ConfirmButton>
    </section>
  );
}

import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { CrossIcon, Empty, ErrorNotice, Loading, PlusIcon, TimeAgo, usePageTitle } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { RepositorySummary } from "../../backend/repositories/contract.ts";
import { useApi } from "../shared/context.ts";
import { repositoriesQuery } from "../shared/new-task/repositories.ts";
import { ConnectForm } from "./connect-form.tsx";
import { useMayManage } from "./queries.ts";
import { countText, kindNames, problemOf, RepositoryStatus } from "./state.tsx";

export function RepositoriesScreen() {
  usePageTitle("Repositories");
  const query = useQuery(repositoriesQuery(useApi()));
  const [isOpen, setOpen] = useState(false);
  const { data } = query;
  const isFirst = data?.length === 0;
  const mayManage = useMayManage();
  return (
    <div className="page repositories-page">
      <div className="page-head">
        <h1>Repositories</h1>
        {data !== undefined && !isFirst && mayManage && (
          <button
            type="button"
            className={isOpen ? "button" : "button button-primary"}
            aria-expanded={isOpen}
            onClick={() => setOpen(!isOpen)}
          >
            {isOpen ? <CrossIcon /> : <PlusIcon />}
            {isOpen ? "Close" : "Connect a repository"}
          </button>
        )}
      </div>
      {isFirst && (
        <Empty title="No repository is connected">
          Connect one of GitHub, GitLab, Gitea or any git server: tasks start from what was pushed last, and
          open pull requests are at hand. A folder of this machine needs no connection.
          {!mayManage && " Owners and admins connect them."}
        </Empty>
      )}
      {(isOpen || isFirst) && mayManage && <ConnectForm />}
      {query.isPending && <Loading label="Loading repositories" rows={4} />}
      {query.isError && data === undefined && (
        <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
      )}
      {data !== undefined && !isFirst && (
        <div className="repository-list">
          {data.map((repository) => (
            <Row key={repository.id} repository={repository} />
          ))}
        </div>
      )}
    </div>
  );
}

function Row({ repository }: { readonly repository: RepositorySummary }) {
  const { id, name, kind, syncedAt } = repository;
  const problem = problemOf(repository);
  return (
    <div className="linked-row repository-row">
      <RepositoryStatus repository={repository} />
      <div className="repository-row-main">
        <Link to="/repositories/$repositoryId" params={{ repositoryId: id }} className="linked-row-title">
          {visibleText(name)}
        </Link>
        {problem !== undefined && <p className="repository-problem">{visibleText(problem)}</p>}
      </div>
      <p className="repository-row-meta muted">
        <span>{kindNames[kind]}</span>
        <span>{countText(repository)}</span>
        {syncedAt !== null && <TimeAgo at={syncedAt} />}
      </p>
    </div>
  );
}

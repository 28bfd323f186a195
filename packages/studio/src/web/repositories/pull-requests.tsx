import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { Empty, ErrorNotice, Loading, MoreButton, TimeAgo } from "@holdfast/web-parts";
import { useInfiniteQuery } from "@tanstack/react-query";
import type { PullRequestView, RepositoryView } from "../../backend/repositories/contract.ts";
import { useApi } from "../shared/context.ts";
import { useOpenItem } from "../shared/new-task/open-item.ts";
import { pullsQuery } from "./queries.ts";

/** Open pull requests as rows. A row opens the form for a new task, with its branch and its text. */
export function PullRequests({ repository }: { readonly repository: RepositoryView }) {
  const query = useInfiniteQuery(pullsQuery(useApi(), repository.id));
  const pulls = query.data?.pages.flat();
  return (
    <section className="repository-section" aria-labelledby="pulls-heading">
      <h2 id="pulls-heading">Open pull requests</h2>
      {query.isPending && <Loading label="Loading pull requests" rows={3} />}
      {query.isError && <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />}
      {pulls?.length === 0 && (
        <Empty
          title={repository.status === "syncing" ? "Being read from the forge" : "No pull request is open"}
        />
      )}
      {pulls !== undefined && pulls.length > 0 && (
        <div className="repository-list">
          {pulls.map((pull) => (
            <Row key={pull.number} repository={repository} pull={pull} />
          ))}
        </div>
      )}
      <MoreButton pages={query} label="Show older pull requests" />
    </section>
  );
}

function Row({ repository, pull }: { readonly repository: RepositoryView; readonly pull: PullRequestView }) {
  const { number, title, author, headBranch, headRepository, isDraft, updatedAt } = pull;
  const isFork = headRepository?.toLowerCase() !== repository.name.toLowerCase();
  const open = useOpenItem();
  return (
    <div className="linked-row repository-row pull-row">
      <span className="muted">#{number}</span>
      <div className="repository-row-main">
        <button
          type="button"
          className="link-button linked-row-title"
          disabled={open.isPending}
          title="New task on this pull request"
          onClick={() => open.mutate({ repository, kind: "pull-request", number })}
        >
          {visibleText(title)}
        </button>
        {isDraft && <span className="tag">Draft</span>}
        {isFork && <span className="tag">Fork</span>}
        {open.isError && <ErrorNotice error={open.error} title="The pull request could not be read." />}
      </div>
      <p className="repository-row-meta muted">
        <code>{visibleText(headBranch)}</code>
        <span>{visibleText(author)}</span>
        <TimeAgo at={updatedAt} />
      </p>
    </div>
  );
}

import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { Empty, ErrorNotice, Loading, MoreButton, TimeAgo } from "@holdfast/web-parts";
import { useInfiniteQuery } from "@tanstack/react-query";
import type { RepositoryView } from "../../backend/repositories/contract.ts";
import type { Issue } from "../../forges/forge.ts";
import { useApi } from "../shared/context.ts";
import { useOpenItem } from "../shared/new-task/open-item.ts";

/** Open issues as rows. A row opens the form for a new task with its text: until then there is none. */
export function Issues({ repository }: { readonly repository: RepositoryView }) {
  const api = useApi();
  const query = useInfiniteQuery({
    queryKey: ["repository-issues", repository.id],
    queryFn: ({ pageParam }) => api.repository(repository.id).issues(pageParam),
    initialPageParam: 1,
    getNextPageParam: ({ nextPage }) => nextPage,
    retry: false,
  });
  const issues = query.data?.pages.flatMap(({ items }) => items);
  return (
    <section className="repository-section" aria-labelledby="issues-heading">
      <h2 id="issues-heading">Open issues</h2>
      {query.isPending && <Loading label="Loading issues" rows={3} />}
      {query.isError && <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />}
      {issues?.length === 0 && <Empty title="No issue is open" />}
      {issues !== undefined && issues.length > 0 && (
        <div className="repository-list">
          {issues.map((issue) => (
            <Row key={issue.number} repository={repository} issue={issue} />
          ))}
        </div>
      )}
      <MoreButton pages={query} label="Show more issues" />
    </section>
  );
}

function Row({ repository, issue }: { readonly repository: RepositoryView; readonly issue: Issue }) {
  const open = useOpenItem();
  const { number, title, author, labels, updatedAt } = issue;
  return (
    <div className="linked-row repository-row pull-row">
      <span className="muted">#{number}</span>
      <div className="repository-row-main">
        <button
          type="button"
          className="link-button linked-row-title"
          title="New task on this issue"
          onClick={() => open.mutate({ repository, kind: "issue", number, issue })}
        >
          {visibleText(title)}
        </button>
        {labels.map((label) => (
          <span key={label} className="tag">
            {visibleText(label)}
          </span>
        ))}
      </div>
      <p className="repository-row-meta muted">
        <span>{visibleText(author)}</span>
        <TimeAgo at={updatedAt} />
      </p>
    </div>
  );
}

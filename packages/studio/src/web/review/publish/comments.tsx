import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ChevronIcon, TimeAgo } from "@holdfast/web-parts";
import type { PullRequestDetails } from "../../../contract.ts";

/** What people have written at the forge, oldest first. */
export function Comments({ comments }: { readonly comments: PullRequestDetails["comments"] }) {
  if (comments.length === 0) return null;
  return (
    <details className="pull-part" open>
      <summary>
        <ChevronIcon />
        {comments.length === 1 ? "1 comment" : `${comments.length} comments`}
      </summary>
      <div className="pull-comments">
        {comments.map(({ id, author, body, path, line, createdAt }) => (
          <article key={`${path ?? ""}/${id}`} className="comment" aria-label={`Comment of ${author}`}>
            <p className="comment-head">
              <strong>{author}</strong>
              {path !== undefined && (
                <code>
                  {visibleText(path)}
                  {line === undefined ? "" : `:${line}`}
                </code>
              )}
              <span className="muted">
                <TimeAgo at={createdAt} />
              </span>
            </p>
            <p className="comment-text">{visibleText(body)}</p>
          </article>
        ))}
      </div>
    </details>
  );
}

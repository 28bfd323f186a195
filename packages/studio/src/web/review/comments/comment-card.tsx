import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { type KeyboardEvent, useState } from "react";
import type { ReviewComment } from "../../../contract.ts";
import type { ReviewControls } from "../review-query.ts";
import { CommentForm } from "./comment-form.tsx";
import { commentState } from "./comment-state.ts";
import { describeLines } from "./locate.ts";

/** One comment. One whose lines have changed since shows what they were. A resolved one shows its text on demand. */
export function CommentCard({
  comment,
  outdated = false,
  review,
}: {
  readonly comment: ReviewComment;
  readonly outdated?: boolean;
  readonly review: ReviewControls;
}) {
  const [editing, setEditing] = useState(false);
  const [isShown, setShown] = useState(false);
  const state = commentState(comment);
  const isResolved = state === "resolved";
  const where = describeLines(comment);
  const resolve = () => review.resolve.mutate({ id: comment.id, isResolved: !isResolved });
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "r" || event.target !== event.currentTarget || state === "draft") return;
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    resolve();
  };
  return (
    <article
      className="comment"
      tabIndex={-1}
      aria-label={`Comment on ${where}, ${state}`}
      data-comment={state}
      data-comment-id={comment.id}
      onKeyDown={onKeyDown}
    >
      <p className="comment-head">
        <span className="muted">{where}</span>
        <span className="tag">{state}</span>
        {outdated && (
          <span className="tag tag-attention" title="These lines are no longer as they were.">
            changed since
          </span>
        )}
        {isResolved && (
          <button type="button" className="link-button" onClick={() => setShown(!isShown)}>
            {isShown ? "Hide" : "Show"}
          </button>
        )}
        {isResolved && (
          <button type="button" className="link-button" onClick={resolve}>
            Reopen
          </button>
        )}
      </p>
      {(!isResolved || isShown) && (
        <>
          {outdated && comment.quote !== "" && (
            <pre className="comment-quote">{visibleText(comment.quote)}</pre>
          )}
          {editing && state === "draft" ? (
            <CommentForm
              draftKey={`edit.${comment.id}`}
              initial={comment.text}
              label={`Comment on ${where}`}
              pending={review.save.isPending}
              onCancel={() => setEditing(false)}
              onSave={(text, done) => {
                const { id, path, side, startLine, endLine, quote, contentId } = comment;
                review.save.mutate(
                  { id, path, side, startLine, endLine, quote, contentId, text },
                  {
                    onSuccess: () => {
                      done();
                      setEditing(false);
                    },
                  },
                );
              }}
            />
          ) : (
            <p className="comment-text">{visibleText(comment.text)}</p>
          )}
          {!editing && (
            <div className="comment-actions">
              {state === "draft" && (
                <>
                  <button type="button" className="link-button" onClick={() => setEditing(true)}>
                    Edit
                  </button>
                  <button
                    type="button"
                    className="link-button"
                    onClick={() => review.remove.mutate(comment.id)}
                  >
                    Delete
                  </button>
                </>
              )}
              {(state === "open" || state === "answered") && (
                <button type="button" className="link-button" onClick={resolve}>
                  Resolve
                </button>
              )}
            </div>
          )}
        </>
      )}
    </article>
  );
}

import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { useState } from "react";
import type { ReviewComment } from "../../../contract.ts";
import type { ReviewControls } from "../review-query.ts";
import { CommentForm } from "./comment-form.tsx";
import { describeLines } from "./locate.ts";

/** One comment. An outdated one shows the lines that it was about. */
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
  const sent = comment.sentAt !== undefined;
  const where = describeLines(comment);
  return (
    <article className="comment" aria-label={`Comment on ${where}`} data-comment={sent ? "sent" : "draft"}>
      <p className="comment-head">
        <span className="muted">{where}</span>
        <span className="tag">{sent ? "sent" : "draft"}</span>
        {outdated && (
          <span className="tag tag-attention" title="These lines are no longer in the diff.">
            outdated
          </span>
        )}
      </p>
      {outdated && comment.quote !== "" && <pre className="comment-quote">{visibleText(comment.quote)}</pre>}
      {editing && !sent ? (
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
        <>
          <p className="comment-text">{visibleText(comment.text)}</p>
          <div className="comment-actions">
            {!sent && (
              <button type="button" className="link-button" onClick={() => setEditing(true)}>
                Edit
              </button>
            )}
            <button type="button" className="link-button" onClick={() => review.remove.mutate(comment.id)}>
              {sent ? "Resolve" : "Delete"}
            </button>
          </div>
        </>
      )}
    </article>
  );
}

import { ErrorNotice, useAnnounce } from "@holdfast/web-parts";
import { useState } from "react";
import { countsOf } from "../comments/comment-state.ts";
import type { Layout } from "../lines/row.tsx";
import type { ReviewControls } from "../review-query.ts";
import { RevertNotice } from "./revert-notice.tsx";

const layoutKey = "holdfast.diff-layout";

/** Progress, layout, and the button that sends the drafts. */
export function ReviewBar({
  viewed,
  total,
  layout,
  onLayout,
  review,
  isBusy,
}: {
  readonly viewed: number;
  readonly total: number;
  readonly layout: Layout;
  readonly onLayout: (layout: Layout) => void;
  readonly review: ReviewControls;
  readonly isBusy: boolean;
}) {
  const announce = useAnnounce();
  const drafts = (review.query.data?.comments ?? []).filter(({ sentAt }) => sentAt === undefined);
  const send = () =>
    review.send.mutate(
      drafts.map(({ id }) => id),
      { onSuccess: () => announce(`Sent to the agent: ${drafts.length}.`) },
    );
  const comments = countsOf(review.query.data?.comments ?? []);
  const { send: sent, save, mark, remove, resolve } = review;
  const error = sent.error ?? save.error ?? mark.error ?? remove.error ?? resolve.error;
  return (
    <section className="review-bar" aria-label="Review">
      <p>
        {viewed} of {total} viewed
      </p>
      {comments !== "" && <p data-testid="comment-counts">Comments: {comments}</p>}
      <p className="review-keys muted">
        <kbd>j</kbd> <kbd>k</kbd> files, <kbd>v</kbd> viewed, <kbd>c</kbd> comment, <kbd>[</kbd> <kbd>]</kbd>{" "}
        comments, <kbd>r</kbd> resolve
      </p>
      <div className="review-layout">
        {(["unified", "split"] as const).map((each) => (
          <button
            key={each}
            type="button"
            className="button button-small"
            aria-pressed={layout === each}
            onClick={() => onLayout(each)}
          >
            {each === "unified" ? "Unified" : "Split"}
          </button>
        ))}
      </div>
      {drafts.length > 0 && (
        <button
          type="button"
          className="button button-small button-primary"
          disabled={review.send.isPending}
          onClick={send}
        >
          {review.send.isPending
            ? "Sending…"
            : `Send ${drafts.length === 1 ? "1 comment" : `${drafts.length} comments`} to the agent`}
        </button>
      )}
      {review.query.isError && (
        <ErrorNotice
          error={review.query.error}
          title="Comments and marks could not be loaded."
          onRetry={() => void review.query.refetch()}
        />
      )}
      <RevertNotice review={review} isBusy={isBusy} />
      {error !== null && <ErrorNotice error={error} title="The review was not changed." />}
    </section>
  );
}

/** A matter of the screen in front of a person, so this browser keeps it. */
export function useLayout(): readonly [Layout, (layout: Layout) => void] {
  const [layout, setLayout] = useState<Layout>(() => {
    try {
      return localStorage.getItem(layoutKey) === "split" ? "split" : "unified";
    } catch {
      return "unified";
    }
  });
  const choose = (next: Layout) => {
    setLayout(next);
    try {
      localStorage.setItem(layoutKey, next);
    } catch {
      // Without storage, the choice lasts as long as the page.
    }
  };
  return [layout, choose];
}

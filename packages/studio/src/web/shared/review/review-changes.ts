/** What the events of a task change of its review and its checks. */
import type { ReviewChange, ReviewView } from "../../../contract.ts";

/** The review with the higher revision. */
export function keepNewerReview(known: ReviewView | undefined, next: ReviewView): ReviewView {
  return known !== undefined && known.revision > next.revision ? known : next;
}

/** The review after a change; undefined if changes before it are missing. */
export function applyReviewChange(known: ReviewView, change: ReviewChange): ReviewView | undefined {
  if (change.revision <= known.revision) return known;
  if (change.revision > known.revision + 1) return undefined;
  const marked = new Set([...(change.viewed ?? []).map(({ path }) => path), ...(change.unviewed ?? [])]);
  const changed = new Map((change.comments ?? []).map((comment) => [comment.id, comment]));
  const deleted = new Set(change.deleted);
  const kept = known.comments
    .filter(({ id }) => !deleted.has(id))
    .map((each) => changed.get(each.id) ?? each);
  const ids = new Set(kept.map(({ id }) => id));
  return {
    revision: change.revision,
    viewed: [...known.viewed.filter(({ path }) => !marked.has(path)), ...(change.viewed ?? [])],
    comments: [...kept, ...(change.comments ?? []).filter(({ id }) => !ids.has(id))],
    reverts: change.reverts ?? known.reverts,
  };
}

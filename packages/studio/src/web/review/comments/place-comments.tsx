import type { ReactNode } from "react";
import type { ReviewComment } from "../../../contract.ts";
import type { PatchHunk } from "../../shared/diff/patch.ts";
import type { ReviewControls } from "../review-query.ts";
import { CommentCard } from "./comment-card.tsx";
import { locateComment, whereItWas } from "./locate.ts";

export interface PlacedComments {
  /** Comments by the line below which they are, as `SIDE:LINE`. */
  readonly below: ReadonlyMap<string, ReactNode>;
  /** Those with no line of the file to be below. */
  readonly above: readonly ReviewComment[];
  /** The line of each comment, by its id. */
  readonly lines: ReadonlyMap<string, string>;
}

/** Comments below their lines; those whose lines are gone, below the line that comes before them now. */
export function placeComments(
  comments: readonly ReviewComment[],
  hunks: readonly PatchHunk[],
  review: ReviewControls,
): PlacedComments {
  const cards = new Map<string, ReactNode[]>();
  const above: ReviewComment[] = [];
  const lines = new Map<string, string>();
  for (const comment of comments) {
    const range = locateComment(comment, hunks);
    const at = range ?? whereItWas(comment, hunks);
    if (at === undefined) {
      above.push(comment);
      continue;
    }
    const key = `${at.side}:${at.end}`;
    const shown = range === undefined ? comment : { ...comment, startLine: range.start, endLine: range.end };
    const card = (
      <CommentCard key={comment.id} comment={shown} outdated={range === undefined} review={review} />
    );
    cards.set(key, [...(cards.get(key) ?? []), card]);
    lines.set(comment.id, key);
  }
  return { below: cards, above, lines };
}

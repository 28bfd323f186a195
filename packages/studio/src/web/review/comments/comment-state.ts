import type { ReviewComment } from "../../../contract.ts";

/** A draft is not sent yet; an open one is with the agent; an answered one was worked on in a turn that has ended. */
export type CommentState = "draft" | "open" | "answered" | "resolved";

export function commentState({ sentAt, answeredAt, resolvedAt }: ReviewComment): CommentState {
  if (sentAt === undefined) return "draft";
  if (resolvedAt !== undefined) return "resolved";
  return answeredAt === undefined ? "open" : "answered";
}

/** How many comments are in each state, in words: "2 open, 1 resolved". */
export function countsOf(comments: readonly ReviewComment[]): string {
  const states = comments.map(commentState);
  return (["open", "answered", "resolved"] as const)
    .map((state) => ({ state, count: states.filter((each) => each === state).length }))
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${count} ${state}`)
    .join(", ");
}

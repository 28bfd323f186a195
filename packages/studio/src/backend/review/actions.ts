import type { ReviewComment, ReviewCommentInput, ReviewView, SessionChoice } from "../../contract.ts";
import { addPerson } from "../task-state.ts";
import type { PersonContext, TaskContext, TaskSteps } from "../task-steps.ts";
import type { Review, ReviewContext } from "./review.ts";

type ReviewingContext = ReviewContext & TaskContext & PersonContext;

/** The actions of a task about its review. */
export function reviewActions(review: Review, steps: TaskSteps) {
  return {
    review: (c: ReviewingContext): Promise<ReviewView> => review.view(c),

    markViewed: (
      c: ReviewingContext,
      files: readonly { readonly path: string; readonly contentId?: string }[],
    ): Promise<void> => review.markViewed(c, files),

    saveComment: (c: ReviewingContext, comment: ReviewCommentInput): Promise<ReviewComment> =>
      review.saveComment(c, comment),

    deleteComment: (c: ReviewingContext, id: string): Promise<void> => review.deleteComment(c, id),

    sendReview: (c: ReviewingContext, commentIds: readonly string[], to?: SessionChoice): Promise<void> =>
      review.send(c, commentIds, (text, beside) =>
        steps.promptBeside(
          c,
          text,
          () => {
            beside();
            addPerson(c.state, c.conn.state.person);
          },
          { to },
        ),
      ),
  };
}

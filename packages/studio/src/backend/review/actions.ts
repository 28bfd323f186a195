import { event } from "@holdfast/actors";
import type { TaskFiles } from "../../cluster/task-files.ts";
import type { DiffView } from "../../contract/diff.ts";
import type {
  DiffCompare,
  FileBytes,
  FileLines,
  FilePart,
  RevertInput,
  RevertView,
  ReviewActions,
  ReviewChange,
  ReviewComment,
  ReviewCommentInput,
  ReviewView,
  TaskCommit,
} from "../../contract/review.ts";
import type { SessionChoice } from "../../contract/sessions.ts";
import { type ChecksContext, TaskChecks } from "../checks/checks.ts";
import type { BackendHost } from "../host.ts";
import { addPerson } from "../task-state.ts";
import type { PersonContext, TaskContext, TaskSteps } from "../task-steps.ts";
import { type ChangesContext, ChangesOfTask } from "./changes.ts";
import { Review, type ReviewContext } from "./review.ts";

type ReviewingContext = ReviewContext & ChangesContext & TaskContext & PersonContext;
type Input<Name extends keyof ReviewActions> = Parameters<ReviewActions[Name]>[0];

/** Events of a task about its review. */
export const reviewEvents = { reviewChanged: event<ReviewChange>() };

/** The part of the actor context for all of them. */
export type ReviewedContext = ChangesContext & ChecksContext;

/** The review of a task, its changes and its checks, which hear of each other's news. */
export interface Reviewing<Context extends ChangesContext & ChecksContext> {
  readonly review: Review;
  readonly changes: ChangesOfTask<Context>;
  readonly checks: TaskChecks;
  /** Called with each state in which the files are seen. */
  readonly onTree: (c: Context, tree: string) => Promise<void>;
  /** Follows the end of a turn; without the prompt, of one that came to no answer. Never rejects. */
  turnEnded(c: Context, promptId?: string): Promise<void>;
}

export function createReviewing(host: BackendHost, files: TaskFiles): Reviewing<ReviewedContext> {
  const review = new Review(() => host.ports.clock.now());
  const checks = new TaskChecks(host, files);
  const onTree = async (c: ReviewedContext, tree: string): Promise<void> => {
    if (c.state.seenTree?.tree !== tree) c.state.seenTree = { tree, at: host.ports.clock.now() };
    await checks.noteTree(c, tree);
  };
  const changes = new ChangesOfTask<ReviewedContext>({ host, files, review, onTree });
  return {
    ...{ review, changes, checks, onTree },
    async turnEnded(c, promptId) {
      // The next turn may begin at any moment.
      const turn = c.state.turns ?? 0;
      if (c.state.base === undefined) return;
      try {
        if (promptId !== undefined) await review.turnEnded(c, promptId);
        await changes.turnEnded(c, turn);
        if (promptId !== undefined) await checks.afterTurn(c);
      } catch (error) {
        // The files of a task that is deleted at this moment are gone.
        host.ports.log.warn("could not follow the end of a turn", { taskId: c.state.id, error });
      }
    },
  };
}

/** The actions of a task about its changes and their review. */
export function reviewActions<Context extends ChangesContext & ChecksContext>(
  { review, changes }: Reviewing<Context>,
  steps: TaskSteps,
) {
  return {
    diff: (c: Context, options?: { readonly compare?: DiffCompare }): Promise<DiffView> =>
      changes.diff(c, options),

    commits: (c: Context): Promise<readonly TaskCommit[]> => changes.commits(c),

    filePatch: (c: Context, file: Input<"filePatch">): Promise<FilePart> => changes.filePatch(c, file),

    fileLines: (c: Context, file: Input<"fileLines">): Promise<FileLines> => changes.fileLines(c, file),

    fileBytes: (c: Context, file: Input<"fileBytes">): Promise<FileBytes> => changes.fileBytes(c, file),

    revert: (c: Context, input: RevertInput): Promise<RevertView> => changes.revert(c, input),

    undoRevert: (c: Context, id: string): Promise<void> => changes.undo(c, id),

    review: (c: ReviewingContext): Promise<ReviewView> => review.view(c),

    markViewed: (
      c: ReviewingContext,
      files: readonly { readonly path: string; readonly contentId?: string }[],
    ): Promise<void> => review.markViewed(c, files),

    saveComment: (c: ReviewingContext, comment: ReviewCommentInput): Promise<ReviewComment> =>
      review.saveComment(c, comment),

    resolveComment: (c: ReviewingContext, id: string, isResolved: boolean): Promise<void> =>
      review.resolveComment(c, id, isResolved),

    deleteComment: (c: ReviewingContext, id: string): Promise<void> => review.deleteComment(c, id),

    sendReview: (c: ReviewingContext, commentIds: readonly string[], to?: SessionChoice): Promise<void> =>
      review.send(c, commentIds, async (text, beside) => {
        const mentioned = await steps.mentionedIn(c, text);
        const alsoTell = (promptId: string) => {
          beside(promptId);
          addPerson(c.state, c.conn.state.person);
          steps.tellMentioned(c, mentioned, text, c.conn.state);
        };
        await steps.promptBeside(c, text, alsoTell, { to });
      }),
  };
}

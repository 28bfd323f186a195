/** The review of a task's changes: marks of viewed files and comments on lines, kept by the task's actor. */
import { HoldfastError } from "@holdfast/core";
import type {
  RevertView,
  ReviewChange,
  ReviewComment,
  ReviewView,
  ViewedFile,
} from "../../contract/review.ts";
import { studioLimits } from "../../limits.ts";
import type { TaskState } from "../task-state.ts";
import { readComment, readId, readMarks } from "./input.ts";
import { reviewPrompt } from "./prompt.ts";
import { type ReviewContent, type ReviewKv, ReviewStore } from "./store.ts";

/** What a task keeps in memory of its review. */
export interface ReviewVars {
  review?: Promise<ReviewContent> | undefined;
}

/** The part of the actor context that is used here. */
export interface ReviewContext {
  readonly state: TaskState;
  readonly vars: ReviewVars;
  readonly kv: ReviewKv;
  readonly broadcast: (name: "reviewChanged", change: ReviewChange) => void;
}

/**
 * Enqueues a prompt for the agent. `beside` runs in the same turn as the prompt and so commits with it; if it throws,
 * there is no prompt.
 */
export type SendPrompt = (text: string, beside: (promptId: string) => void) => Promise<void>;

/** The operations of a review. Each is one commit: after the review was read there is no other await. */
export class Review {
  readonly #now: () => number;
  readonly #store = new ReviewStore();

  constructor(now: () => number) {
    this.#now = now;
  }

  async view(c: ReviewContext): Promise<ReviewView> {
    const { viewed, comments } = await this.#content(c);
    return {
      viewed: Array.from(viewed, ([path, contentId]) => ({ path, contentId })),
      comments: Array.from(comments.values()),
      reverts: revertsOf(c.state),
      revision: c.state.reviewRevision ?? 0,
    };
  }

  /** Throws `task.invalid_input`. */
  async markViewed(c: ReviewContext, files: unknown): Promise<void> {
    const marks = readMarks(files);
    const content = await this.#content(c);
    const viewed: ViewedFile[] = [];
    const unviewed: string[] = [];
    for (const { path, contentId } of marks) {
      if (contentId === undefined) unviewed.push(path);
      else viewed.push({ path, contentId });
    }
    const writes = [
      ...unviewed.map((path) => this.#store.unmark(c.kv, content, path)),
      ...viewed.map((mark) => this.#store.mark(c.kv, content, mark)),
    ];
    const { dropped, writes: drops } = this.#store.dropOldestMarks(c.kv, content);
    this.#publish(c, { viewed, unviewed: [...unviewed, ...dropped] });
    await Promise.all([...writes, ...drops]);
  }

  /** Throws `task.invalid_input`, `review.comment_sent`, `review.too_large`. */
  async saveComment(c: ReviewContext, input: unknown): Promise<ReviewComment> {
    const draft = readComment(input);
    const content = await this.#content(c);
    const known = content.comments.get(draft.id);
    if (known?.sentAt !== undefined) {
      const message = "The agent already got this comment. Write another one.";
      throw new HoldfastError("review", "comment_sent", message, { statusCode: 409 });
    }
    const now = this.#now();
    const comment = { ...draft, createdAt: known?.createdAt ?? now, updatedAt: now };
    if (this.#store.commentBytesWith(content, comment) > studioLimits.maxCommentsBytes) {
      const message = "The review has too many comments. Resolve or delete some.";
      throw new HoldfastError("review", "too_large", message, { statusCode: 413 });
    }
    const write = this.#store.putComment(c.kv, content, comment);
    this.#publish(c, { comments: [comment] });
    await write;
    return comment;
  }

  /** Throws `task.invalid_input`. */
  async deleteComment(c: ReviewContext, id: unknown): Promise<void> {
    const commentId = readId(id);
    const content = await this.#content(c);
    if (!content.comments.has(commentId)) return;
    const write = this.#store.deleteComment(c.kv, content, commentId);
    this.#publish(c, { deleted: [commentId] });
    await write;
  }

  /** Settles a comment that the agent got, or opens it again. Throws `task.invalid_input`, `review.comment_not_found`. */
  async resolveComment(c: ReviewContext, id: unknown, isResolved: unknown): Promise<void> {
    const commentId = readId(id);
    const content = await this.#content(c);
    const known = content.comments.get(commentId);
    if (known?.sentAt === undefined) {
      const message = "There is no such comment that the agent got. Reload the review.";
      throw new HoldfastError("review", "comment_not_found", message, { statusCode: 404 });
    }
    if ((known.resolvedAt !== undefined) === (isResolved === true)) return;
    const { resolvedAt: _resolvedAt, ...open } = known;
    const comment = isResolved === true ? { ...open, resolvedAt: this.#now() } : open;
    const write = this.#store.putComment(c.kv, content, comment);
    this.#publish(c, { comments: [comment] });
    await write;
  }

  /** The turn of a prompt has ended: its comments are answered. */
  async turnEnded(c: ReviewContext, promptId: string): Promise<void> {
    const content = await this.#content(c);
    const answeredAt = this.#now();
    const answered = Array.from(content.comments.values())
      .filter((comment) => comment.promptId === promptId && comment.answeredAt === undefined)
      .map((comment) => ({ ...comment, answeredAt }));
    if (answered.length === 0) return;
    const writes = answered.map((comment) => this.#store.putComment(c.kv, content, comment));
    this.#publish(c, { comments: answered });
    await Promise.all(writes);
  }

  announceReverts(c: ReviewContext): void {
    this.#publish(c, { reverts: revertsOf(c.state) });
  }

  /**
   * Sends drafts as one prompt. Comments that were already sent are skipped, so that a repetition sends nothing. Throws
   * `task.invalid_input`, `review.comment_not_found`, `review.changed`, and the errors of a prompt.
   */
  async send(c: ReviewContext, commentIds: unknown, sendPrompt: SendPrompt): Promise<void> {
    if (!Array.isArray(commentIds)) throw invalidIds();
    const ids = new Set(commentIds.map(readId));
    if (ids.size === 0) throw invalidIds();
    const content = await this.#content(c);
    const found = Array.from(content.comments.values()).filter(({ id }) => ids.has(id));
    if (found.length < ids.size) {
      const message = "A comment was deleted in another window. Look at the comments, and send them again.";
      throw new HoldfastError("review", "comment_not_found", message, { statusCode: 404 });
    }
    const drafts = found.filter(({ sentAt }) => sentAt === undefined);
    if (drafts.length === 0) return;
    const writes: Promise<void>[] = [];
    await sendPrompt(reviewPrompt(drafts), (promptId) => {
      // Reaching the queue of prompts takes an await, during which another window may have changed a comment.
      if (drafts.some((draft) => content.comments.get(draft.id) !== draft)) {
        const message = "A comment was changed in another window. Look at the comments, and send them again.";
        throw new HoldfastError("review", "changed", message, { statusCode: 409 });
      }
      const sentAt = this.#now();
      const sent = drafts.map((draft) => ({ ...draft, sentAt, promptId }));
      writes.push(...sent.map((comment) => this.#store.putComment(c.kv, content, comment)));
      this.#publish(c, { comments: sent });
    });
    await Promise.all(writes);
  }

  /** Reads the review once for each instance of the actor. */
  #content(c: ReviewContext): Promise<ReviewContent> {
    c.vars.review ??= this.#store.read(c.kv).catch((error: unknown) => {
      c.vars.review = undefined;
      throw error;
    });
    return c.vars.review;
  }

  #publish(c: ReviewContext, change: Omit<ReviewChange, "revision">): void {
    const revision = (c.state.reviewRevision ?? 0) + 1;
    c.state.reviewRevision = revision;
    // Reverts are always all of them, and may be none.
    const parts = Object.entries(change).filter(([name, items]) => name === "reverts" || items.length > 0);
    c.broadcast("reviewChanged", { revision, ...Object.fromEntries(parts) });
  }
}

function revertsOf({ reverts = [] }: TaskState): readonly RevertView[] {
  return reverts.map(({ id, path, isHunk, revertedAt }) => ({ id, path, isHunk, revertedAt }));
}

function invalidIds(): HoldfastError {
  return new HoldfastError("task", "invalid_input", "`commentIds` must be a list of ids of comments", {
    statusCode: 400,
  });
}

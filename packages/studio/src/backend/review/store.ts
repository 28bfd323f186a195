import { createHash } from "node:crypto";
import type { ReviewComment, ViewedFile } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";

/** The part of an actor's key-value store that a review uses. */
export interface ReviewKv {
  put(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
  listPrefix(prefix: string): Promise<[key: string, value: string][]>;
}

/** A review in memory. */
export interface ReviewContent {
  /** Content id by path, the oldest mark first as far as this process knows. */
  readonly viewed: Map<string, string>;
  /** By id, in the order in which they were written. */
  readonly comments: Map<string, ReviewComment>;
}

interface ViewedRow extends ViewedFile {
  readonly version: 1;
}

interface CommentRow {
  readonly version: 1;
  readonly comment: ReviewComment;
}

const viewedPrefix = "review/viewed/";
const commentPrefix = "review/comment/";
const encoder = new TextEncoder();

/**
 * Rows of a review: one for each mark and each comment. Operations change the content in memory before they return; the
 * promise resolves when the row is part of the turn.
 */
export class ReviewStore {
  async read(kv: ReviewKv): Promise<ReviewContent> {
    const [marks, comments] = await Promise.all([kv.listPrefix(viewedPrefix), kv.listPrefix(commentPrefix)]);
    return {
      viewed: new Map(
        marks.map(([, value]) => {
          const { path, contentId } = JSON.parse(value) as ViewedRow;
          return [path, contentId];
        }),
      ),
      comments: new Map(
        comments
          .map(([, value]) => (JSON.parse(value) as CommentRow).comment)
          .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
          .map((comment) => [comment.id, comment]),
      ),
    };
  }

  mark(kv: ReviewKv, { viewed }: ReviewContent, { path, contentId }: ViewedFile): Promise<void> {
    viewed.delete(path);
    viewed.set(path, contentId);
    const row: ViewedRow = { version: 1, path, contentId };
    return kv.put(viewedKey(path), JSON.stringify(row));
  }

  unmark(kv: ReviewKv, { viewed }: ReviewContent, path: string): Promise<void> {
    viewed.delete(path);
    return kv.delete(viewedKey(path));
  }

  /** Removes the oldest marks until all fit into an answer. */
  dropOldestMarks(kv: ReviewKv, content: ReviewContent) {
    const dropped: string[] = [];
    const writes: Promise<void>[] = [];
    let bytes = 0;
    for (const [path, contentId] of content.viewed) bytes += jsonBytes({ path, contentId });
    for (const [path, contentId] of content.viewed) {
      if (bytes <= studioLimits.maxViewedBytes) break;
      bytes -= jsonBytes({ path, contentId });
      dropped.push(path);
      writes.push(this.unmark(kv, content, path));
    }
    return { dropped, writes };
  }

  putComment(kv: ReviewKv, { comments }: ReviewContent, comment: ReviewComment): Promise<void> {
    comments.set(comment.id, comment);
    const row: CommentRow = { version: 1, comment };
    return kv.put(commentPrefix + comment.id, JSON.stringify(row));
  }

  deleteComment(kv: ReviewKv, { comments }: ReviewContent, id: string): Promise<void> {
    comments.delete(id);
    return kv.delete(commentPrefix + id);
  }

  /** Size of all comments if this one is saved. */
  commentBytesWith({ comments }: ReviewContent, comment: ReviewComment): number {
    let bytes = jsonBytes(comment);
    for (const each of comments.values()) if (each.id !== comment.id) bytes += jsonBytes(each);
    return bytes;
  }
}

/** A path may be longer than a key. */
function viewedKey(path: string): string {
  return viewedPrefix + createHash("sha256").update(path).digest("base64url");
}

function jsonBytes(value: unknown): number {
  return encoder.encode(JSON.stringify(value)).length + 1;
}

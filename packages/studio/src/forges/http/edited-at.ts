import type { Comment } from "../forge.ts";

/** When a comment was changed after it was written; nothing if it never was. */
export function editedAt(created: string, updated: string | undefined): Pick<Comment, "editedAt"> {
  const [from, to] = [Date.parse(created), Date.parse(updated ?? created)];
  return to > from ? { editedAt: to } : {};
}

import type { DiffFile } from "../../../contract.ts";
import type { PatchHunk } from "../../shared/diff/patch.ts";
import { useDiffSource } from "../compare/diff-source.ts";
import type { ReviewControls } from "../review-query.ts";
import { CommentForm } from "./comment-form.tsx";
import { describeLines, type LineRange, quoteOf } from "./locate.ts";

/** The form of a comment on lines of a file. */
export function NewComment({
  file: { path, contentId },
  range,
  hunks,
  review,
  onClose,
}: {
  readonly file: DiffFile;
  readonly range: LineRange;
  readonly hunks: readonly PatchHunk[];
  readonly review: ReviewControls;
  readonly onClose: () => void;
}) {
  const { taskId } = useDiffSource();
  const { side, start: startLine, end: endLine } = range;
  const where = describeLines({ side, startLine, endLine });
  return (
    <CommentForm
      key={where}
      draftKey={`${taskId}.${path}.${side}.${startLine}.${endLine}`}
      label={`New comment on ${where}`}
      pending={review.save.isPending}
      onCancel={onClose}
      onSave={(text, done) =>
        review.save.mutate(
          {
            ...{ id: crypto.randomUUID(), path, side, startLine, endLine },
            ...{ quote: quoteOf(hunks, range), contentId, text },
          },
          {
            onSuccess: () => {
              done();
              onClose();
            },
          },
        )
      }
    />
  );
}

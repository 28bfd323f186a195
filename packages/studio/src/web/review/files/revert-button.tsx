import { ConfirmButton } from "@holdfast/web-parts";
import type { DiffFile, HunkPlace } from "../../../contract.ts";
import { isHistory, useDiffSource } from "../compare/diff-source.ts";
import type { ReviewControls } from "../review-query.ts";

/** Makes a file or one of its hunks as it was before, when that is confirmed. */
export function RevertButton({
  file,
  hunk,
  review,
}: {
  readonly file: DiffFile;
  readonly hunk?: HunkPlace;
  readonly review: ReviewControls;
}) {
  const { compare, isBusy } = useDiffSource();
  if (isHistory(compare)) return null;
  const { path, contentId, status, oldPath } = file;
  const what = hunk === undefined ? path : `lines ${hunk.newStart} and after of ${path}`;
  return (
    <ConfirmButton
      label="Revert…"
      accessibleLabel={`Revert ${what}`}
      className={hunk === undefined ? "button button-small" : "gap-button"}
      disabled={isBusy}
      title={hunk === undefined ? "Revert this file?" : "Revert this part of the file?"}
      confirmLabel="Revert"
      onConfirm={() =>
        review.revert.mutateAsync({ path, contentId, compare, ...(hunk === undefined ? {} : { hunk }) })
      }
    >
      {effectOf(file, hunk !== undefined, compare.kind === "turn")} The agent is not told. You can undo this
      until the file changes again
      {oldPath !== undefined && status === "renamed" && hunk === undefined
        ? ", and the file has its old name then."
        : "."}
    </ConfirmButton>
  );
}

function effectOf({ path, status }: DiffFile, isHunk: boolean, isTurn: boolean): string {
  const before = isTurn ? "before the last turn" : "before the task";
  if (isHunk) return `These lines of ${path} become as they were ${before}.`;
  if (status === "added") return `${path} is deleted: it did not exist ${before}.`;
  return `${path} becomes as it was ${before}.`;
}

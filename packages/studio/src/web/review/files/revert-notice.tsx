import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, TimeAgo, useAnnounce } from "@holdfast/web-parts";
import type { ReviewControls } from "../review-query.ts";

/** The newest revert, and the way back. */
export function RevertNotice({
  review: { query, undo },
  isBusy,
}: {
  readonly review: ReviewControls;
  readonly isBusy: boolean;
}) {
  const announce = useAnnounce();
  const [newest] = query.data?.reverts ?? [];
  if (newest === undefined) return null;
  const { id, path, isHunk, revertedAt } = newest;
  return (
    <>
      <p className="revert-notice">
        <span>
          {isHunk ? "A part of " : ""}
          <span className="mono">{visibleText(path)}</span> was reverted <TimeAgo at={revertedAt} />.
        </span>
        <button
          type="button"
          className="link-button"
          disabled={isBusy || undo.isPending}
          onClick={() =>
            undo.mutate(id, { onSuccess: () => announce(`${path} is as it was before the revert.`) })
          }
        >
          {undo.isPending ? "Undoing…" : "Undo"}
          <span className="visually-hidden"> the revert of {path}</span>
        </button>
      </p>
      {undo.isError && <ErrorNotice error={undo.error} title="The revert was not undone." />}
    </>
  );
}

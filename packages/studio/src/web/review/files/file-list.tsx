import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { CheckIcon } from "@holdfast/web-parts";
import type { DiffView } from "../../../contract.ts";
import { FileCounts, FileMark, RunsMark } from "./file-marks.tsx";
import { LazyBlocks } from "./lazy-blocks.tsx";

const estimatedRowPx = 28;

/** Id of the section with the changes of a file. */
export function fileId(index: number): string {
  return `change-${index}`;
}

export function FileList({
  diff,
  viewed,
  commentCounts,
  onShow,
}: {
  readonly diff: DiffView;
  readonly viewed: ReadonlySet<string>;
  /** Number of comments by path. */
  readonly commentCounts: ReadonlyMap<string, number>;
  readonly onShow: (index: number) => void;
}) {
  return (
    <nav className="file-list" aria-label="Changed files">
      <LazyBlocks items={diff.files} as="ul" estimatedPx={estimatedRowPx}>
        {(file, index) => {
          const comments = commentCounts.get(file.path) ?? 0;
          return (
            <li key={file.path} data-file={file.path} data-viewed={viewed.has(file.path)}>
              <FileMark status={file.status} />
              <a
                href={`#${fileId(index)}`}
                onClick={(event) => {
                  event.preventDefault();
                  onShow(index);
                }}
              >
                {visibleText(file.path)}
              </a>
              {file.runsOnYourMachine && <RunsMark />}
              {comments > 0 && (
                <span className="tag">{comments === 1 ? "1 comment" : `${comments} comments`}</span>
              )}
              {viewed.has(file.path) && (
                <span className="file-viewed" role="img" aria-label="viewed" title="viewed">
                  <CheckIcon />
                </span>
              )}
              <FileCounts file={file} />
            </li>
          );
        }}
      </LazyBlocks>
      {diff.truncated && (
        <p className="notice notice-warning">
          The diff is too large to show in full. Apply to branch takes every change.
        </p>
      )}
    </nav>
  );
}

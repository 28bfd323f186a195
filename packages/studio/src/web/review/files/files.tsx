import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { DiffFile, DiffView, ReviewComment, TaskView } from "../../../contract.ts";
import { chunk } from "../../shared/diff/chunk.ts";
import { CommentCard } from "../comments/comment-card.tsx";
import type { LineRange } from "../comments/locate.ts";
import { useReview } from "../review-query.ts";
import { startsOpen, viewedPaths } from "./file-facts.ts";
import { fileKeys } from "./file-keys.ts";
import { blockFiles, FileList, fileId } from "./file-list.tsx";
import { FileSection } from "./file-section.tsx";
import { LazyBlock } from "./lazy-block.tsx";
import { ReviewBar, useLayout } from "./review-bar.tsx";

const estimatedFilePx = 200;
const none: readonly ReviewComment[] = [];

/** The list of files, and below it the changes of each. Both render only what is in view. */
export function Files({ task, diff }: { readonly task: TaskView; readonly diff: DiffView }) {
  const root = useRef<HTMLDivElement>(null);
  const review = useReview(task.id, task.sessionId);
  const [layout, setLayout] = useLayout();
  // The file that the user selected; its block is always rendered.
  const [target, setTarget] = useState<{ readonly index: number }>();
  const { opened, setOpen, editors, setEditor } = useFileStates();
  const viewed = useMemo(() => viewedPaths(diff.files, review.query.data), [diff.files, review.query.data]);
  const comments = useMemo(() => byPath(review.query.data?.comments ?? none), [review.query.data]);
  const counts = useMemo(
    () => new Map(Array.from(comments, ([path, list]) => [path, list.length])),
    [comments],
  );
  const { mutate: mark } = review.mark;
  const setViewed = useCallback(
    (file: DiffFile, isViewed: boolean) => {
      mark({ file, viewed: isViewed });
      setOpen(file.path, !isViewed);
    },
    [mark, setOpen],
  );
  const show = (index: number, open = true) => {
    const path = diff.files[index]?.path;
    if (path === undefined) return;
    if (open) setOpen(path, true);
    setTarget({ index });
  };
  useEffect(() => {
    if (target !== undefined) revealFile(fileId(target.index));
  }, [target]);

  const onKeyDown = fileKeys({
    ...{ files: diff.files, root, show, viewed, setViewed, setOpen },
    ...(target === undefined ? {} : { target: target.index }),
  });
  const paths = new Set(diff.files.map(({ path }) => path));
  const orphans = (review.query.data?.comments ?? none).filter(({ path }) => !paths.has(path));
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: single keys for what its buttons do.
    <div className="review" ref={root} tabIndex={-1} onKeyDown={onKeyDown}>
      <ReviewBar
        viewed={viewed.size}
        total={diff.files.length}
        layout={layout}
        onLayout={setLayout}
        review={review}
      />
      {orphans.length > 0 && (
        <section className="comments-outdated" aria-label="Comments on files without changes">
          {orphans.map((comment) => (
            <div key={comment.id}>
              <code>{comment.path}</code>
              <CommentCard comment={comment} outdated review={review} />
            </div>
          ))}
        </section>
      )}
      <FileList diff={diff} viewed={viewed} commentCounts={counts} onShow={show} />
      <div className="file-diffs">
        {chunk(diff.files, blockFiles).map((files, block) => (
          <LazyBlock
            key={block}
            className="file-diffs"
            estimatedPx={files.length * estimatedFilePx}
            force={target !== undefined && Math.floor(target.index / blockFiles) === block}
          >
            {() =>
              files.map((file, index) => (
                <FileSection
                  key={file.path}
                  file={file}
                  id={fileId(block * blockFiles + index)}
                  taskId={task.id}
                  open={opened.get(file.path) ?? startsOpen(file, viewed.has(file.path))}
                  viewed={viewed.has(file.path)}
                  layout={layout}
                  comments={comments.get(file.path) ?? none}
                  review={review}
                  editor={editors.get(file.path)}
                  onEditor={setEditor}
                  onOpen={setOpen}
                  onViewed={setViewed}
                />
              ))
            }
          </LazyBlock>
        ))}
      </div>
    </div>
  );
}

/** What is open of each file. */
function useFileStates() {
  // Kept here, because a section out of view is unmounted.
  const [opened, setOpened] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [editors, setEditors] = useState<ReadonlyMap<string, LineRange>>(new Map());
  const setOpen = useCallback(
    (path: string, open: boolean) => setOpened((known) => new Map(known).set(path, open)),
    [],
  );
  const setEditor = useCallback(
    (path: string, range: LineRange | undefined) =>
      setEditors((known) => {
        const next = new Map(known);
        if (range === undefined) next.delete(path);
        else next.set(path, range);
        return next;
      }),
    [],
  );
  return { opened, setOpen, editors, setEditor };
}

function byPath(comments: readonly ReviewComment[]): ReadonlyMap<string, readonly ReviewComment[]> {
  const lists = new Map<string, ReviewComment[]>();
  for (const comment of comments) lists.set(comment.path, [...(lists.get(comment.path) ?? []), comment]);
  return lists;
}

/** Scrolls to a file's section and focuses it. */
function revealFile(id: string): void {
  const section = document.getElementById(id);
  if (section === null) return;
  section.scrollIntoView({ block: "start" });
  section.querySelector<HTMLElement>(".file-toggle")?.focus({ preventScroll: true });
}

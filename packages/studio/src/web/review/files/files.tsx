import { useQuery } from "@tanstack/react-query";
import { useCallback, useMemo, useRef, useState } from "react";
import type { DiffCompare, DiffFile, DiffView, ReviewComment, TaskView } from "../../../contract.ts";
import { useApi } from "../../shared/context.ts";
import { checksQuery } from "../../shared/review/checks-query.ts";
import { type LineNote, lineNotes } from "../../shared/review/line-notes.ts";
import { isBusy } from "../../shared/status.tsx";
import type { Place } from "../checks/place.ts";
import { CommentCard } from "../comments/comment-card.tsx";
import type { LineRange } from "../comments/locate.ts";
import { type DiffSource, DiffSourceProvider, isHistory } from "../compare/diff-source.ts";
import { type ReviewControls, useReview } from "../review-query.ts";
import { startsOpen, viewedPaths } from "./file-facts.ts";
import { fileKeys } from "./file-keys.ts";
import { FileList, fileId } from "./file-list.tsx";
import { FileSection } from "./file-section.tsx";
import { LazyBlocks } from "./lazy-blocks.tsx";
import { ReviewBar, useLayout } from "./review-bar.tsx";
import { useTarget } from "./use-target.ts";

const estimatedFilePx = 200;
const none: readonly ReviewComment[] = [];
const noNotes: readonly LineNote[] = [];

/** The list of files, and below it the changes of each. Both render only what is in view. */
export function Files({
  task,
  diff,
  compare,
  place,
}: {
  readonly task: TaskView;
  readonly diff: DiffView;
  readonly compare: DiffCompare;
  /** A line to show; each object is shown once. */
  readonly place: Place | undefined;
}) {
  const root = useRef<HTMLDivElement>(null);
  const review = useReview(task.id, task.sessionId);
  const [layout, setLayout] = useLayout();
  const { opened, setOpen, editors, setEditor } = useFileStates();
  const viewed = useMemo(() => viewedPaths(diff.files, review.query.data), [diff.files, review.query.data]);
  const listed = useShownComments(review.query.data?.comments ?? none, compare);
  const comments = useMemo(() => byPath(listed), [listed]);
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
  const { target, show, nextComment } = useTarget(diff.files, comments, place, setOpen);
  const notes = useLineNotes(task, diff.tree);
  const onKeyDown = fileKeys({
    ...{ files: diff.files, root, show, viewed, setViewed, setOpen, nextComment },
    ...(target === undefined ? {} : { target: target.index }),
  });
  const busy = isBusy(task.status);
  const { base, tree } = diff;
  const source = useMemo(
    (): DiffSource => ({ taskId: task.id, diff: { base, tree }, compare, isBusy: busy }),
    [task.id, base, tree, compare, busy],
  );
  const paths = new Set(diff.files.map(({ path }) => path));
  const orphans = compare.kind === "base" ? listed.filter(({ path }) => !paths.has(path)) : none;
  return (
    <DiffSourceProvider value={source}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: single keys for what its buttons do. */}
      <div className="review" ref={root} tabIndex={-1} onKeyDown={onKeyDown}>
        <ReviewBar
          viewed={viewed.size}
          total={diff.files.length}
          layout={layout}
          onLayout={setLayout}
          review={review}
          isBusy={busy}
        />
        <Orphans comments={orphans} review={review} />
        <FileList diff={diff} viewed={viewed} commentCounts={counts} onShow={show} />
        <div className="file-diffs">
          <LazyBlocks
            items={diff.files}
            className="file-diffs"
            estimatedPx={estimatedFilePx}
            forced={target?.index}
          >
            {(file, index) => (
              <FileSection
                key={file.path}
                file={file}
                id={fileId(index)}
                open={opened.get(file.path) ?? startsOpen(file, viewed.has(file.path))}
                viewed={viewed.has(file.path)}
                layout={layout}
                comments={comments.get(file.path) ?? none}
                notes={notes.get(file.path) ?? noNotes}
                review={review}
                editor={editors.get(file.path)}
                goTo={target?.index === index ? target.goTo : undefined}
                onEditor={setEditor}
                onOpen={setOpen}
                onViewed={setViewed}
              />
            )}
          </LazyBlocks>
        </div>
      </div>
    </DiffSourceProvider>
  );
}

/** Comments on files that have no changes any more. */
function Orphans({
  comments,
  review,
}: {
  readonly comments: readonly ReviewComment[];
  readonly review: ReviewControls;
}) {
  if (comments.length === 0) return null;
  return (
    <section className="comments-outdated" aria-label="Comments on files without changes">
      {comments.map((comment) => (
        <div key={comment.id}>
          <code>{comment.path}</code>
          <CommentCard comment={comment} outdated review={review} />
        </div>
      ))}
    </section>
  );
}

/** What failed checks say about the files that are shown. */
function useLineNotes({ id }: TaskView, tree: string): ReadonlyMap<string, readonly LineNote[]> {
  const { data } = useQuery(checksQuery(useApi(), id));
  return useMemo(() => lineNotes(data, (run) => run.tree === tree), [data, tree]);
}

/** Lines before the changes are others in another comparison; those of a commit are history. */
function useShownComments(
  comments: readonly ReviewComment[],
  compare: DiffCompare,
): readonly ReviewComment[] {
  return useMemo(() => {
    if (compare.kind === "base") return comments;
    return isHistory(compare) ? none : comments.filter(({ side }) => side === "new");
  }, [comments, compare]);
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

import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { appPart, ChevronIcon } from "@holdfast/web-parts";
import { memo, type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import type { DiffFile, ReviewComment } from "../../../contract.ts";
import { type PatchHunk, parsePatch } from "../../shared/diff/patch.ts";
import { CommentCard } from "../comments/comment-card.tsx";
import { CommentForm } from "../comments/comment-form.tsx";
import { describeLines, isInDiff, type LineRange, locateComment, quoteOf } from "../comments/locate.ts";
import type { Highlighted } from "../lines/highlight.ts";
import { type Layout, ReviewLines } from "../lines/review-lines.tsx";
import type { ReviewControls } from "../review-query.ts";
import { describeEmptyDiff, isGenerated } from "./file-facts.ts";
import { FileCounts, FileMark, RunsMark } from "./file-marks.tsx";

const loadHighlighter = appPart(() => import("../lines/highlight.ts"));

export interface FileSectionProps {
  readonly file: DiffFile;
  readonly id: string;
  readonly taskId: string;
  readonly open: boolean;
  readonly viewed: boolean;
  readonly layout: Layout;
  readonly comments: readonly ReviewComment[];
  readonly review: ReviewControls;
  /** Lines that are being commented on. Kept outside, because a section out of view is unmounted. */
  readonly editor: LineRange | undefined;
  readonly onEditor: (path: string, range: LineRange | undefined) => void;
  readonly onOpen: (path: string, open: boolean) => void;
  readonly onViewed: (file: DiffFile, viewed: boolean) => void;
}

/** The changes of one file, with its comments. */
export const FileSection = memo(function FileSection(props: FileSectionProps) {
  const { file, id, open, viewed, onOpen, onViewed } = props;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a section each would flood the landmarks.
    <div className="file-diff" id={id} role="group" aria-label={file.path} data-open={open}>
      <div className="file-head">
        <button
          type="button"
          className="file-toggle"
          aria-expanded={open}
          onClick={() => onOpen(file.path, !open)}
        >
          <ChevronIcon />
          <FileMark status={file.status} />
          <span className="file-path">
            {file.oldPath !== undefined && <span className="muted">{visibleText(file.oldPath)} → </span>}
            {visibleText(file.path)}
          </span>
          {file.runsOnYourMachine && <RunsMark />}
          {isGenerated(file.path) && <span className="tag">generated</span>}
          <FileCounts file={file} />
        </button>
        <label className="file-viewed-box">
          <input
            type="checkbox"
            checked={viewed}
            onChange={({ target: { checked } }) => onViewed(file, checked)}
          />
          Viewed<span className="visually-hidden">: {file.path}</span>
        </label>
      </div>
      {open && <FileBody {...props} />}
    </div>
  );
});

function FileBody(props: FileSectionProps) {
  const { file, comments, editor, layout, review, taskId, onEditor } = props;
  const body = useRef<HTMLDivElement>(null);
  const hunks = useMemo(() => parsePatch(file.patch), [file.patch]);
  const highlighted = useHighlighted(file.path, hunks);
  const { below, outdated } = useMemo(
    () => placeComments(comments, hunks, review),
    [comments, hunks, review],
  );
  const close = (range: LineRange) => {
    onEditor(file.path, undefined);
    const line = `.line-button[data-side="${range.side}"][data-line="${range.end}"]`;
    body.current?.querySelector<HTMLElement>(line)?.focus();
  };
  const shown = new Map<string, ReactNode>(below);
  if (editor !== undefined) {
    const { side, start: startLine, end: endLine } = editor;
    const key = `${side}:${endLine}`;
    const where = describeLines({ side, startLine, endLine });
    const form = (
      <CommentForm
        key={where}
        draftKey={`${taskId}.${file.path}.${side}.${startLine}.${endLine}`}
        label={`New comment on ${where}`}
        pending={review.save.isPending}
        onCancel={() => close(editor)}
        onSave={(text, done) =>
          review.save.mutate(
            {
              ...{ id: crypto.randomUUID(), path: file.path, side, startLine, endLine },
              ...{ quote: quoteOf(hunks, editor), contentId: file.contentId, text },
            },
            {
              onSuccess: () => {
                done();
                close(editor);
              },
            },
          )
        }
      />
    );
    shown.set(
      key,
      <>
        {below.get(key)}
        {form}
      </>,
    );
  }
  return (
    <div ref={body}>
      {outdated.length > 0 && (
        <div className="comments-outdated">
          {outdated.map((comment) => (
            <CommentCard key={comment.id} comment={comment} outdated review={review} />
          ))}
        </div>
      )}
      {file.binary ? (
        <p className="file-note">This is a binary file. Its content is not shown.</p>
      ) : hunks.length === 0 ? (
        <p className="file-note">{describeEmptyDiff(file)}</p>
      ) : (
        <ReviewLines
          hunks={hunks}
          label={`Changes of ${file.path}`}
          layout={layout}
          highlighted={highlighted}
          selected={editor}
          below={shown}
          onSelect={(range) => {
            if (isInDiff(hunks, range)) onEditor(file.path, range);
          }}
        />
      )}
    </div>
  );
}

/** Comments below the lines that they are about, and those whose lines are gone. */
function placeComments(
  comments: readonly ReviewComment[],
  hunks: readonly PatchHunk[],
  review: ReviewControls,
): { readonly below: ReadonlyMap<string, ReactNode>; readonly outdated: readonly ReviewComment[] } {
  const lists = new Map<string, ReviewComment[]>();
  const outdated: ReviewComment[] = [];
  for (const comment of comments) {
    const range = locateComment(comment, hunks);
    if (range === undefined) {
      outdated.push(comment);
      continue;
    }
    const key = `${range.side}:${range.end}`;
    const moved = { ...comment, startLine: range.start, endLine: range.end };
    lists.set(key, [...(lists.get(key) ?? []), moved]);
  }
  const below = new Map<string, ReactNode>();
  for (const [key, list] of lists) {
    below.set(
      key,
      list.map((comment) => <CommentCard key={comment.id} comment={comment} review={review} />),
    );
  }
  return { below, outdated };
}

/** Tokens of a file's lines, once the highlighter is loaded. Without it the lines stay plain. */
function useHighlighted(path: string, hunks: readonly PatchHunk[]): Highlighted | undefined {
  const [highlighted, setHighlighted] = useState<Highlighted>();
  useEffect(() => {
    let active = true;
    loadHighlighter().then(
      ({ highlightHunks }) => {
        if (active) setHighlighted(highlightHunks(path, hunks));
      },
      () => undefined,
    );
    return () => {
      active = false;
    };
  }, [path, hunks]);
  return highlighted;
}

import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { appPart, ErrorNotice, Loading } from "@holdfast/web-parts";
import { lazy, type ReactNode, Suspense, useMemo, useRef, useState } from "react";
import { parsePatch } from "../../shared/diff/patch.ts";
import { withNotes } from "../checks/check-notes.tsx";
import { CommentCard } from "../comments/comment-card.tsx";
import { isInDiff, type LineRange } from "../comments/locate.ts";
import { NewComment } from "../comments/new-comment.tsx";
import { placeComments } from "../comments/place-comments.tsx";
import { isHistory, useDiffSource } from "../compare/diff-source.ts";
import { isImage, isTextImage } from "../images/image-kind.ts";
import { GapButtons } from "../lines/gap-buttons.tsx";
import { ReviewLines } from "../lines/review-lines.tsx";
import { useHighlighted } from "../lines/use-highlighted.ts";
import { describeEmptyDiff } from "./file-facts.ts";
import type { FileSectionProps } from "./file-props.ts";
import { RevertButton } from "./revert-button.tsx";
import { useContextLines } from "./use-context-lines.ts";
import { usePatch } from "./use-patch.ts";
import { usePlaceInFile } from "./use-place-in-file.ts";

const ImageDiff = lazy(
  appPart(async () => {
    const part = await import("../images/image-diff.tsx");
    return { default: part.ImageDiff };
  }),
);

/** The changes of one file, as an image or line by line. */
export function FileBody(props: FileSectionProps) {
  const { file } = props;
  const [isPicture, setPicture] = useState(false);
  const isText = isTextImage(file.path) && !file.binary;
  return (
    <>
      {isText && (
        <p className="file-note">
          <button
            type="button"
            className="button button-small"
            aria-pressed={isPicture}
            onClick={() => setPicture(!isPicture)}
          >
            Show as image
          </button>
        </p>
      )}
      {(isText && isPicture) || (file.binary && isImage(file.path)) ? (
        <Suspense fallback={<Loading label="Loading the images" rows={4} />}>
          <ImageDiff file={file} />
        </Suspense>
      ) : file.binary ? (
        <p className="file-note">This is a binary file. Its content is not shown.</p>
      ) : (
        <PatchBody {...props} />
      )}
    </>
  );
}

/** The patch of a file, loaded on its own if it was too large for the diff. */
function PatchBody(props: FileSectionProps) {
  const { patch, isOmitted, isLoading, error, lines, load } = usePatch(props.file);
  if (error !== null)
    return <ErrorNotice error={error} title="The changes of this file could not be loaded." onRetry={load} />;
  if (isLoading) return <Loading label="Loading the changes" rows={4} />;
  if (isOmitted)
    return (
      <p className="file-note">
        <button type="button" className="button button-small" onClick={load}>
          Show {lines.toLocaleString("en")} changed lines
        </button>
      </p>
    );
  return <LinesBody {...props} patch={patch} />;
}

function LinesBody(props: FileSectionProps & { readonly patch: string }) {
  const { file, comments, notes, editor, layout, review, onEditor, goTo, patch } = props;
  const { compare } = useDiffSource();
  const body = useRef<HTMLDivElement>(null);
  const parsed = useMemo(() => parsePatch(patch), [patch]);
  const { shown, load } = useContextLines(file, parsed);
  const { hunks } = shown;
  const highlighted = useHighlighted(file.path, hunks);
  const placed = useMemo(() => placeComments(comments, hunks, review), [comments, hunks, review]);
  const target = usePlaceInFile(goTo, placed.lines, hunks, load.mutate);
  const close = (range: LineRange) => {
    onEditor(file.path, undefined);
    const line = `.line-button[data-side="${range.side}"][data-line="${range.end}"]`;
    body.current?.querySelector<HTMLElement>(line)?.focus();
  };
  const below = new Map<string, ReactNode>(withNotes(placed.below, notes));
  if (editor !== undefined) {
    const key = `${editor.side}:${editor.end}`;
    below.set(
      key,
      <>
        {below.get(key)}
        <NewComment file={file} range={editor} hunks={hunks} review={review} onClose={() => close(editor)} />
      </>,
    );
  }
  const gap = (index: number) => (index < hunks.length ? shown.before[index] : shown.after);
  const gapButtons = (index: number) => {
    const found = gap(index);
    if (found === undefined) return null;
    return (
      <GapButtons
        gap={found}
        place={index === hunks.length ? "last" : index === 0 ? "first" : "between"}
        isPending={load.isPending}
        onShow={(lines) => load.mutate(lines)}
      />
    );
  };
  const head = (index: number) => {
    const { header = "", place } = hunks[index] ?? {};
    // The only hunk of a file is reverted with the file.
    const isWhole = hunks.length === 1 || file.status === "added" || file.status === "deleted";
    if (isWhole && header === "" && gap(index) === undefined && index === 0) return null;
    return (
      <div className="hunk-head">
        {gapButtons(index)}
        <span className="hunk-header">{header === "" ? "⋯" : `⋯ ${visibleText(header)}`}</span>
        {place !== undefined && !isWhole && <RevertButton file={file} hunk={place} review={review} />}
      </div>
    );
  };
  return (
    <div ref={body}>
      {placed.above.length > 0 && (
        <div className="comments-outdated">
          {placed.above.map((comment) => (
            <CommentCard key={comment.id} comment={comment} outdated review={review} />
          ))}
        </div>
      )}
      {load.isError && <ErrorNotice error={load.error} title="The lines could not be loaded." />}
      {hunks.length === 0 ? (
        <p className="file-note">{describeEmptyDiff(file)}</p>
      ) : (
        <ReviewLines
          hunks={hunks}
          label={`Changes of ${file.path}`}
          layout={layout}
          highlighted={highlighted}
          selected={editor}
          below={below}
          parts={{ head, foot: gapButtons(hunks.length) }}
          goTo={target}
          isNewOnly={compare.kind === "turn"}
          isReadOnly={isHistory(compare)}
          onSelect={(range) => {
            if (isInDiff(hunks, range)) onEditor(file.path, range);
          }}
        />
      )}
    </div>
  );
}

import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ChevronIcon } from "@holdfast/web-parts";
import { memo } from "react";
import { FileBody } from "./file-body.tsx";
import { isGenerated } from "./file-facts.ts";
import { FileCounts, FileMark, RunsMark } from "./file-marks.tsx";
import type { FileSectionProps } from "./file-props.ts";
import { RevertButton } from "./revert-button.tsx";

/** The head of a file with more changed lines stays in view: each head that does is a layer of its own in the browser. */
const shortLines = 8;

/** The changes of one file, with its comments. */
export const FileSection = memo(function FileSection(props: FileSectionProps) {
  const { file, id, open, viewed, comments, review, onOpen, onViewed } = props;
  const isTall = open && (file.additions + file.deletions > shortLines || comments.length > 0);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a section each would flood the landmarks.
    <div className="file-diff" id={id} role="group" aria-label={file.path} data-open={open}>
      <div className="file-head" data-stays={isTall}>
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
        {open && <RevertButton file={file} review={review} />}
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

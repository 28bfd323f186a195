import { useMemo } from "react";
import { type ChangeLine, changeLines } from "../internal/change-lines.ts";
import type { FileChange } from "../types.ts";
import { visibleText } from "../visible-text.ts";

export interface FileChangesProps {
  readonly changes: readonly FileChange[];
}

/** The file changes of a tool. Added and removed lines are marked by sign and semantics, not by colour alone. */
export function FileChanges({ changes }: FileChangesProps) {
  return (
    <div className="sa-file-changes" data-slot="file-changes">
      {changes.map((change, index) => (
        <Change key={index} change={change} />
      ))}
    </div>
  );
}

function Change({ change }: { readonly change: FileChange }) {
  const { lines, cut } = useMemo(() => changeLines(change), [change]);
  const path = visibleText(change.path);
  return (
    <figure className="sa-file-change" data-slot="file-change">
      <figcaption className="sa-file-change-path" data-slot="file-change-path">
        {path}
        {change.oldText === null && " (new)"}
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region is reached by keyboard. */}
      <pre className="sa-file-change-lines" data-slot="file-change-lines" tabIndex={0}>
        {lines.map((line, index) => (
          <Line key={index} line={line} />
        ))}
        {cut && "… more lines are not shown\n"}
      </pre>
    </figure>
  );
}

function Line({ line }: { readonly line: ChangeLine }) {
  const text = visibleText(line.text);
  switch (line.kind) {
    case "add":
      return <ins className="sa-line-add">{`+${text}\n`}</ins>;
    case "remove":
      return <del className="sa-line-remove">{`-${text}\n`}</del>;
    case "context":
      return ` ${text}\n`;
    case "hunk":
      return <span className="sa-line-hunk">{`${text}\n`}</span>;
  }
}

import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ChevronIcon } from "@holdfast/web-parts";
import { useState } from "react";
import type { TranscriptToolCall } from "../../../transcript.ts";
import { FileDiff } from "./file-diff.tsx";
import { ToolIcon } from "./tool-icon.tsx";

const statusLabels: Readonly<Record<TranscriptToolCall["status"], string>> = {
  pending: "waiting",
  in_progress: "running",
  completed: "done",
  failed: "failed",
};

/**
 * One line when collapsed; input, output, pictures and file changes when expanded. File changes, pictures and failures
 * expand by themselves.
 */
export function ToolCall({ call }: { readonly call: TranscriptToolCall }) {
  const [chosen, setChosen] = useState<boolean>();
  const open = chosen ?? (call.diffs.length > 0 || call.images.length > 0 || call.status === "failed");
  return (
    <details
      className={`tool tool-${call.status}`}
      open={open}
      onToggle={(event) => {
        const now = event.currentTarget.open;
        if (now !== open) setChosen(now);
      }}
      data-kind={call.kind}
      data-status={call.status}
    >
      <summary>
        <ChevronIcon />
        <ToolIcon kind={call.kind} />
        <span className="tool-title">{visibleText(call.title)}</span>
        <span className="tool-status">
          {call.status === "in_progress" && <span className="spinner" aria-hidden="true" />}
          <span className="visually-hidden">{call.kind},</span> {statusLabels[call.status]}
        </span>
      </summary>
      {open && <ToolBody call={call} />}
    </details>
  );
}

function ToolBody({ call }: { readonly call: TranscriptToolCall }) {
  const hasMore = call.diffs.length > 0 || call.images.length > 0;
  const bare = call.input === "" && call.output === "" && !hasMore;
  return (
    <div className="tool-body">
      {call.locations.length > 0 && call.diffs.length === 0 && (
        <p className="tool-locations">
          {call.locations.map((location, index) => (
            <code key={index}>
              {visibleText(location.path)}
              {location.line !== undefined && `:${location.line}`}
            </code>
          ))}
        </p>
      )}
      {call.diffs.map((diff, index) => (
        <FileDiff key={index} diff={diff} />
      ))}
      {call.images.map(({ mimeType, data }, index) => (
        <img
          className="tool-image"
          src={`data:${mimeType};base64,${data}`}
          alt={`${visibleText(call.title)}, result ${index + 1}`}
          key={index}
        />
      ))}
      {call.input !== "" && <ToolText name="Input" text={call.input} folded={hasMore} />}
      {call.output !== "" && <ToolText name="Output" text={call.output} folded={hasMore} />}
      {bare && <p className="muted">No input or output was reported.</p>}
    </div>
  );
}

function ToolText({
  name,
  text,
  folded,
}: {
  readonly name: string;
  readonly text: string;
  readonly folded: boolean;
}) {
  return (
    <details className="tool-text" open={!folded}>
      <summary>{name}</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region is reached by keyboard. */}
      <pre tabIndex={0}>{visibleText(text)}</pre>
    </details>
  );
}

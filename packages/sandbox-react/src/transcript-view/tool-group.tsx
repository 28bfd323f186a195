import { useState } from "react";
import { cx, flag } from "../internal/class-names.ts";
import { componentLimits } from "../limits.ts";
import type { TranscriptEntry } from "../types.ts";
import { ToolItem } from "./tool-item.tsx";
import type { AgentTranscriptClassNames, TranscriptRenderers } from "./transcript-types.ts";

export interface ToolGroupProps {
  readonly entries: [TranscriptEntry, ...TranscriptEntry[]];
  readonly expanded: boolean;
  readonly onExpandedChange: (expanded: boolean) => void;
  readonly isItemExpanded: (entryId: string) => boolean;
  readonly onItemExpandedChange: (entryId: string, expanded: boolean) => void;
  readonly classNames: AgentTranscriptClassNames;
  readonly renderers: TranscriptRenderers;
  readonly onEventClick?: ((eventId: string) => void) | undefined;
  readonly canOpenEvent: (entry: TranscriptEntry) => boolean;
}

/** Tools, thoughts and notes between two messages: a single one by itself, several under one header. */
export function ToolGroup(props: ToolGroupProps) {
  const { entries, expanded, onExpandedChange, classNames, renderers } = props;
  const { getToolGroupSummary = summary, renderToolGroupIcon, renderChevron = chevron } = renderers;
  if (entries.length === 1) {
    return (
      <div className={classNames.toolGroupSingle} data-slot="tool-group-single">
        <Item {...props} entry={entries[0]} isLast />
      </div>
    );
  }
  const failed = entries.some((entry) => entry.kind === "tool" && entry.toolStatus === "failed");
  return (
    <div
      className={cx(classNames.toolGroupContainer, failed && "failed")}
      data-slot="tool-group"
      data-failed={flag(failed)}
    >
      <button
        type="button"
        className={cx(classNames.toolGroupHeader, expanded && "expanded")}
        data-slot="tool-group-header"
        data-expanded={flag(expanded)}
        aria-expanded={expanded}
        onClick={() => onExpandedChange(!expanded)}
      >
        <span className={classNames.toolGroupIcon} data-slot="tool-group-icon" aria-hidden="true">
          {renderToolGroupIcon?.(entries, expanded)}
        </span>
        <span className={classNames.toolGroupLabel} data-slot="tool-group-label">
          {getToolGroupSummary(entries)}
        </span>
        <span className={classNames.toolGroupChevron} data-slot="tool-group-chevron" aria-hidden="true">
          {renderChevron(expanded)}
        </span>
      </button>
      {expanded && <GroupBody {...props} />}
    </div>
  );
}

function GroupBody(props: ToolGroupProps) {
  const { entries, classNames } = props;
  const [shown, setShown] = useState<number>(componentLimits.groupItems);
  return (
    <div className={classNames.toolGroupBody} data-slot="tool-group-body">
      {entries.slice(0, shown).map((entry, index) => (
        <Item key={entry.id} {...props} entry={entry} isLast={index === entries.length - 1} />
      ))}
      {entries.length > shown && (
        <button
          type="button"
          className="sa-show-more"
          data-slot="show-more"
          onClick={() => setShown((known) => known + componentLimits.groupItems)}
        >
          Show {Math.min(componentLimits.groupItems, entries.length - shown)} more of {entries.length}
        </button>
      )}
    </div>
  );
}

function Item(props: ToolGroupProps & { readonly entry: TranscriptEntry; readonly isLast: boolean }) {
  const { entry, isLast, isItemExpanded, onItemExpandedChange } = props;
  return (
    <ToolItem
      entry={entry}
      isLast={isLast}
      expanded={isItemExpanded(entry.id)}
      onExpandedChange={(expanded) => onItemExpandedChange(entry.id, expanded)}
      classNames={props.classNames}
      renderers={props.renderers}
      onEventClick={props.onEventClick}
      canOpenEvent={props.canOpenEvent}
    />
  );
}

function summary(entries: readonly TranscriptEntry[]): string {
  return `${entries.length} ${entries.length === 1 ? "Event" : "Events"}`;
}

function chevron(expanded: boolean): string {
  return expanded ? "\u25be" : "\u25b8";
}

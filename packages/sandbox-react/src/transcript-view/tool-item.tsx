import type { ReactNode } from "react";
import { cx, flag } from "../internal/class-names.ts";
import { LongText } from "../internal/long-text.tsx";
import { formatChanges } from "../transcript/content.ts";
import type { TranscriptEntry } from "../types.ts";
import { visibleText } from "../visible-text.ts";
import { FileChanges } from "./file-changes.tsx";
import { pendingDots } from "./transcript-message.tsx";
import type { AgentTranscriptClassNames, TranscriptRenderers } from "./transcript-types.ts";

export interface ToolItemProps {
  readonly entry: TranscriptEntry;
  readonly isLast: boolean;
  readonly expanded: boolean;
  readonly onExpandedChange: (expanded: boolean) => void;
  readonly classNames: AgentTranscriptClassNames;
  readonly renderers: TranscriptRenderers;
  readonly onEventClick?: ((eventId: string) => void) | undefined;
  readonly canOpenEvent: (entry: TranscriptEntry) => boolean;
}

/** A tool call, a thought or a note: one line, with details when expanded. */
export function ToolItem(props: ToolItemProps) {
  const { entry, isLast, expanded, classNames } = props;
  const failed = entry.kind === "tool" && entry.toolStatus === "failed";
  const open = expanded && hasContent(entry);
  return (
    <div
      className={cx(classNames.toolItem, isLast && "last", failed && "failed")}
      data-slot="tool-item"
      data-kind={entry.kind}
      data-state={entry.toolStatus}
      data-last={flag(isLast)}
      data-failed={flag(failed)}
    >
      <div className={classNames.toolItemConnector} data-slot="tool-item-connector" aria-hidden="true">
        <div className={classNames.toolItemDot} data-slot="tool-item-dot" />
        {!isLast && <div className={classNames.toolItemLine} data-slot="tool-item-line" />}
      </div>
      <div className={classNames.toolItemContent} data-slot="tool-item-content">
        <Header {...props} />
        {open && (
          <div className={classNames.toolItemBody} data-slot="tool-item-body">
            <Body entry={entry} classNames={classNames} />
          </div>
        )}
      </div>
    </div>
  );
}

/** The link to the event is beside the button that expands the item, because controls must not be nested. */
function Header({
  entry,
  expanded,
  onExpandedChange,
  classNames,
  renderers,
  onEventClick,
  canOpenEvent,
}: ToolItemProps) {
  const content = hasContent(entry);
  const label = labelOf(entry);
  const running = entry.kind === "tool" && entry.toolStatus === "in_progress";
  const {
    renderToolItemIcon = iconOf,
    renderChevron,
    renderInlinePendingIndicator = pendingDots,
  } = renderers;
  const { eventId } = entry;
  const linked = onEventClick !== undefined && eventId !== undefined && canOpenEvent(entry);
  return (
    <div className="sa-agent-transcript-tool-item-row" data-slot="tool-item-row">
      <button
        type="button"
        className={cx(classNames.toolItemHeader, expanded && content && "expanded")}
        data-slot="tool-item-header"
        data-has-content={flag(content)}
        data-expanded={flag(expanded && content)}
        aria-expanded={content ? expanded : undefined}
        disabled={!content}
        onClick={() => onExpandedChange(!expanded)}
      >
        <span className={classNames.toolItemIcon} data-slot="tool-item-icon">
          {renderToolItemIcon(entry)}
        </span>
        <span className={classNames.toolItemLabel} data-slot="tool-item-label">
          {label}
        </span>
        {running && (
          <span className={classNames.toolItemSpinner} data-slot="tool-item-spinner" aria-hidden="true">
            {renderInlinePendingIndicator()}
          </span>
        )}
        {content && (
          <span className={classNames.toolItemChevron} data-slot="tool-item-chevron" aria-hidden="true">
            {renderChevron === undefined ? (expanded ? "\u25be" : "\u25b8") : renderChevron(expanded)}
          </span>
        )}
      </button>
      {linked && (
        <button
          type="button"
          className={classNames.toolItemLink}
          data-slot="tool-item-link"
          aria-label={`Open the event of ${label}`}
          onClick={() => onEventClick(eventId)}
        >
          {renderers.renderEventLinkContent?.(entry) ?? "Open"}
        </button>
      )}
    </div>
  );
}

function hasContent(entry: TranscriptEntry): boolean {
  if (entry.kind === "tool") return Boolean(entry.toolInput || entry.toolOutput || entry.toolChanges?.length);
  return Boolean((entry.kind === "reasoning" ? entry.reasoning?.text : entry.meta?.detail)?.trim());
}

function labelOf(entry: TranscriptEntry): string {
  if (entry.kind === "tool") {
    const { toolStatus: status } = entry;
    const state = status && status !== "completed" ? ` (${status.replaceAll("_", " ")})` : "";
    return `${visibleText(entry.toolName ?? "tool")}${state}`;
  }
  if (entry.kind === "reasoning") {
    const visibility = entry.reasoning?.visibility;
    return `Reasoning${visibility ? ` (${visibility})` : ""}`;
  }
  return visibleText(entry.meta?.title ?? "Status");
}

function iconOf(entry: TranscriptEntry): string {
  if (entry.kind === "tool") return "Tool";
  if (entry.kind === "reasoning") return "Thought";
  return entry.meta?.severity === "error" ? "Error" : "Info";
}

interface BodyProps {
  readonly entry: TranscriptEntry;
  readonly classNames: AgentTranscriptClassNames;
}

function Body({ entry, classNames }: BodyProps) {
  const code = (text: string, muted = false) => (
    <LongText text={text} className={cx(classNames.toolCode, muted && classNames.toolCodeMuted)} />
  );
  if (entry.kind === "reasoning") {
    return (
      <Section name="reasoning" classNames={classNames}>
        {code(entry.reasoning?.text ?? "", true)}
      </Section>
    );
  }
  if (entry.kind === "meta") {
    return (
      <Section name="meta" classNames={classNames}>
        {code(entry.meta?.detail ?? "")}
      </Section>
    );
  }
  const changes = entry.toolChanges ?? [];
  // The output repeats the changes, for applications that show only text.
  const output = changes.length > 0 && entry.toolOutput === formatChanges(changes) ? "" : entry.toolOutput;
  return (
    <>
      {entry.toolInput && (
        <Section name="input" title="Input" classNames={classNames}>
          {code(entry.toolInput)}
        </Section>
      )}
      {changes.length > 0 && (
        <Section name="changes" title="Changes" classNames={classNames}>
          <FileChanges changes={changes} />
        </Section>
      )}
      {output && (
        <Section name="output" title="Output" classNames={classNames}>
          {code(output)}
        </Section>
      )}
    </>
  );
}

interface SectionProps {
  readonly name: string;
  readonly title?: string;
  readonly classNames: AgentTranscriptClassNames;
  readonly children: ReactNode;
}

function Section({ name, title, classNames, children }: SectionProps) {
  return (
    <div className={classNames.toolSection} data-slot="tool-section" data-section={name}>
      {title !== undefined && (
        <div className={classNames.toolSectionTitle} data-slot="tool-section-title">
          {title}
        </div>
      )}
      {children}
    </div>
  );
}

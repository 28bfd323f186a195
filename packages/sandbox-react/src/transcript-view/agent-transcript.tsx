import type { Virtualizer } from "@tanstack/react-virtual";
import {
  type CSSProperties,
  Fragment,
  type ReactNode,
  type RefObject,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { Announcements } from "../internal/announcements.tsx";
import { cx, flag, slotClassNames } from "../internal/class-names.ts";
import { type EntryGroup, groupEntries, isTurnDivider } from "../internal/groups.ts";
import { prefersReducedMotion } from "../internal/motion.ts";
import { transcriptClassNames } from "../internal/transcript-slots.ts";
import { PermissionCard } from "../permission-card.tsx";
import type { TranscriptEntry } from "../types.ts";
import { visibleText } from "../visible-text.ts";
import { ToolGroup } from "./tool-group.tsx";
import { TranscriptMessage } from "./transcript-message.tsx";
import type { AgentTranscriptClassNames, AgentTranscriptProps } from "./transcript-types.ts";
import { useTranscriptVirtualizer } from "./use-transcript-virtualizer.ts";

const rowGap = 12;

/** The transcript of a session. The component only renders; the entries contain everything. */
export function AgentTranscript(props: AgentTranscriptProps) {
  const { entries, scrollRef, scrollToEntryId, isDividerEntry = isTurnDivider, label = "Transcript" } = props;
  const classNames = useMemo(
    () => slotClassNames(transcriptClassNames, props.classNames),
    [props.classNames],
  );
  const groups = useMemo(() => groupEntries(entries, isDividerEntry), [entries, isDividerEntry]);
  const virtualized = props.virtualize === true && scrollRef !== undefined;
  const root = useRef<HTMLDivElement>(null);
  const { virtualizer } = useTranscriptVirtualizer(
    groups,
    virtualized ? scrollRef : undefined,
    props.onAtBottomChange,
    (index) => groups[index]?.key ?? index,
  );
  const rows = useRows(props, classNames);
  useScrollTo(scrollToEntryId, groups, virtualized ? virtualizer : undefined, root);
  return (
    <div
      ref={root}
      role="log"
      aria-live="off"
      aria-label={label}
      className={cx(classNames.root, props.className)}
      data-slot="root"
      data-virtualized={flag(virtualized)}
    >
      {virtualized ? (
        <VirtualRows groups={groups} virtualizer={virtualizer} renderRow={rows} />
      ) : (
        groups.map((group) => <Fragment key={group.key}>{rows(group)}</Fragment>)
      )}
      <Tail {...props} slots={classNames} />
      {!virtualized && <div ref={props.endRef} className={classNames.endAnchor} data-slot="end-anchor" />}
      <Announcements entries={entries} />
    </div>
  );
}

interface VirtualRowsProps {
  readonly groups: readonly EntryGroup[];
  readonly virtualizer: Virtualizer<HTMLDivElement, Element>;
  readonly renderRow: (group: EntryGroup) => ReactNode;
}

const listStyle: CSSProperties = {
  position: "relative",
  width: "100%",
  margin: 0,
  padding: 0,
  listStyle: "none",
};

function VirtualRows({ groups, virtualizer, renderRow }: VirtualRowsProps) {
  return (
    <ol data-slot="virtual-list" style={{ ...listStyle, height: virtualizer.getTotalSize() }}>
      {virtualizer.getVirtualItems().map(({ index, key, start }) => {
        const group = groups[index];
        if (group === undefined) return null;
        return (
          <li
            key={String(key)}
            ref={virtualizer.measureElement}
            aria-setsize={groups.length}
            aria-posinset={index + 1}
            data-index={index}
            style={{
              position: "absolute",
              top: 0,
              left: 0,
              width: "100%",
              paddingBottom: index === groups.length - 1 ? 0 : rowGap,
              transform: `translateY(${start}px)`,
            }}
          >
            {renderRow(group)}
          </li>
        );
      })}
    </ol>
  );
}

/** Renders one row. Expanded items stay expanded when their row is unmounted and mounted again. */
function useRows(
  props: AgentTranscriptProps,
  classNames: AgentTranscriptClassNames,
): (group: EntryGroup) => ReactNode {
  const [openGroups, setOpenGroups] = useState<Readonly<Record<string, boolean>>>({});
  const [openItems, setOpenItems] = useState<Readonly<Record<string, boolean>>>({});
  return (group) => {
    const [entry] = group.entries;
    switch (group.type) {
      case "divider":
        return <Divider entry={entry} classNames={classNames} />;
      case "permission":
        return (
          <PermissionCard
            entry={entry}
            onPermissionReply={props.onPermissionReply}
            {...(props.classNames === undefined ? {} : { classNames: props.classNames })}
            {...(props.renderPermissionIcon ? { renderPermissionIcon: props.renderPermissionIcon } : {})}
            {...(props.renderPermissionOptionContent
              ? { renderPermissionOptionContent: props.renderPermissionOptionContent }
              : {})}
          />
        );
      case "message":
        return <TranscriptMessage entry={entry} classNames={classNames} renderers={props} />;
      case "tools":
        return (
          <ToolGroup
            entries={group.entries}
            expanded={openGroups[group.key] === true}
            onExpandedChange={(open) => setOpenGroups((known) => ({ ...known, [group.key]: open }))}
            isItemExpanded={(id) => openItems[id] === true}
            onItemExpandedChange={(id, open) => setOpenItems((known) => ({ ...known, [id]: open }))}
            classNames={classNames}
            renderers={props}
            onEventClick={props.onEventClick}
            canOpenEvent={props.canOpenEvent ?? hasEvent}
          />
        );
    }
  };
}

function hasEvent(entry: TranscriptEntry): boolean {
  return entry.eventId !== undefined && entry.eventId !== "";
}

interface DividerProps {
  readonly entry: TranscriptEntry;
  readonly classNames: AgentTranscriptClassNames;
}

function Divider({ entry, classNames }: DividerProps) {
  const title = visibleText(entry.meta?.title ?? "Status");
  return (
    <div className={classNames.divider} data-slot="divider">
      <div className={classNames.dividerLine} data-slot="divider-line" />
      <span className={classNames.dividerText} data-slot="divider-text">
        {title}
      </span>
      <div className={classNames.dividerLine} data-slot="divider-line" />
    </div>
  );
}

/** Below the entries: errors, and an indicator that the agent is working. */
function Tail(props: AgentTranscriptProps & { readonly slots: AgentTranscriptClassNames }) {
  const { sessionError, eventError, isThinking, agentId, slots } = props;
  return (
    <>
      {sessionError && <Failure text={sessionError} source="session" className={slots.error} />}
      {eventError && <Failure text={eventError} source="event" className={slots.error} />}
      {isThinking &&
        (props.renderThinkingState?.(agentId === undefined ? {} : { agentId }) ?? (
          <div className={slots.thinkingRow} data-slot="thinking-row">
            <span className={slots.thinkingIndicator} data-slot="thinking-indicator">
              Thinking...
            </span>
          </div>
        ))}
    </>
  );
}

interface FailureProps {
  readonly text: string;
  readonly source: "session" | "event";
  readonly className: string;
}

function Failure({ text, source, className }: FailureProps) {
  return (
    <div role="alert" className={className} data-slot="error" data-source={source}>
      {visibleText(text)}
    </div>
  );
}

/** Scrolls an entry into view, once for each requested id. */
function useScrollTo(
  entryId: string | null | undefined,
  groups: readonly EntryGroup[],
  virtualizer: Virtualizer<HTMLDivElement, Element> | undefined,
  root: RefObject<HTMLDivElement | null>,
): void {
  const done = useRef<string | null>(null);
  useEffect(() => {
    if (!entryId) {
      done.current = null;
      return;
    }
    if (entryId === done.current) return;
    const index = groups.findIndex((group) => group.entries.some((entry) => entry.id === entryId));
    if (index < 0) return;
    done.current = entryId;
    if (virtualizer !== undefined) {
      virtualizer.scrollToIndex(index, { align: "center" });
      return;
    }
    // The rows are the first children, one per group.
    root.current?.children[index]?.scrollIntoView({
      block: "center",
      behavior: prefersReducedMotion() ? "auto" : "smooth",
    });
  }, [entryId, groups, virtualizer, root]);
}

import { visibleText } from "@holdfast/sandbox-react/visible-text";
import {
  Empty,
  ErrorNotice,
  KeysHelp,
  Loading,
  TimeAgo,
  useAnnounce,
  useMediaQuery,
} from "@holdfast/web-parts";
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { entryTitle } from "../../contract/inbox.ts";
import type { InboxEntry, InboxView } from "../../contract.ts";
import { baseName } from "../shared/base-name.ts";
import { useApi } from "../shared/context.ts";
import { inboxQuery } from "../shared/inbox/live.ts";
import { entryLink, linkLabel } from "./entry-link.ts";
import { type InboxKey, inboxKeys, useInboxKeys } from "./keys.ts";
import { Preview } from "./preview.tsx";
import { SnoozeDialog } from "./snooze-dialog.tsx";

const emptyTexts: Readonly<Record<InboxView, readonly [title: string, text: string]>> = {
  open: ["Nothing needs you", "Tasks that finish, fail or ask something appear here by themselves."],
  snoozed: ["Nothing is snoozed", "Press h in the inbox to hide an entry until later."],
  done: ["Nothing is done yet", "Press e in the inbox when you are done with an entry."],
};

/** Entries of one view on the left, the selected one in full on the right. On a phone one of them at a time. */
export function EntryList({ person, view }: { readonly person: string; readonly view: InboxView }) {
  const api = useApi();
  const wide = useMediaQuery("(min-width: 62rem)");
  const list = useInfiniteQuery(inboxQuery(api, person, view));
  const entries = useMemo(() => list.data?.pages.flatMap((page) => page.entries) ?? [], [list.data]);
  const [selectedId, setSelectedId] = useState<string>();
  const selected = entries.find(({ id }) => id === selectedId);
  const [dialog, setDialog] = useState<"snooze" | "help">();
  const rows = useRef<HTMLUListElement>(null);
  const change = useEntryChange(person);
  const navigate = useNavigate();

  const select = useCallback(
    (entry: InboxEntry | undefined) => {
      setSelectedId(entry?.id);
      if (entry?.isUnread === true) change.mutate({ type: "read", entry });
      const button =
        entry && rows.current?.querySelector<HTMLElement>(`[data-entry="${CSS.escape(entry.id)}"] a`);
      button?.focus({ preventScroll: true });
      button?.scrollIntoView({ block: "nearest" });
    },
    [change.mutate],
  );
  useNeighbour(entries, selectedId, wide, select);
  const step = (by: 1 | -1) => {
    const at = entries.findIndex(({ id }) => id === selectedId);
    const next = at < 0 ? entries[0] : entries[at + by];
    if (next !== undefined) select(next);
  };
  const press = (key: InboxKey): boolean => {
    if (key === "?") setDialog("help");
    else if (key === "j") step(1);
    else if (key === "k") step(-1);
    else if (selected === undefined) return false;
    else if (key === "e") change.mutate({ type: view === "done" ? "restore" : "done", entry: selected });
    else if (key === "u") change.mutate({ type: selected.isUnread ? "read" : "unread", entry: selected });
    else if (key === "h" && view === "snoozed") change.mutate({ type: "wake", entry: selected });
    else if (key === "h" && view === "open") setDialog("snooze");
    else if (key === "Enter") void navigate(entryLink(selected));
    else if (key === "a" || key === "d") return clickAnswer(key === "a" ? "allow_once" : "reject_once");
    else return false;
    return true;
  };
  useInboxKeys(press);

  if (list.isPending) return <Loading label="Loading the inbox" rows={5} />;
  if (list.isError && entries.length === 0)
    return <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />;
  const actions = selected && (
    <EntryActions
      entry={selected}
      view={view}
      press={press}
      onBack={wide ? undefined : () => select(undefined)}
    />
  );
  return (
    <div className={listClass(entries.length === 0, selected !== undefined)}>
      {dialog === "help" && (
        <KeysHelp title="Keys of the inbox" keys={inboxKeys} onClose={() => setDialog(undefined)} />
      )}
      {dialog === "snooze" && selected !== undefined && (
        <SnoozeDialog
          onClose={() => setDialog(undefined)}
          onChoose={(until) => change.mutate({ type: "snooze", entry: selected, until })}
        />
      )}
      <div className="inbox-list">
        {change.isError && <ErrorNotice error={change.error} title="Nothing was changed." />}
        {entries.length === 0 ? (
          <Empty title={emptyTexts[view][0]}>{emptyTexts[view][1]}</Empty>
        ) : (
          <ul ref={rows} aria-label="Entries">
            {entries.map((entry) => (
              <Row key={entry.id} entry={entry} isSelected={entry.id === selectedId} onSelect={select} />
            ))}
          </ul>
        )}
        {list.hasNextPage && (
          <button
            type="button"
            className="button button-wide"
            disabled={list.isFetchingNextPage}
            onClick={() => void list.fetchNextPage()}
          >
            Show older ones
          </button>
        )}
      </div>
      {entries.length > 0 && (wide || selected !== undefined) && (
        <section className="inbox-preview" aria-label="Preview">
          {selected === undefined ? (
            <p className="inbox-hint muted">Select an entry to see it here. Press ? for all keys.</p>
          ) : (
            <Preview key={selected.id} entry={selected} actions={actions} />
          )}
        </section>
      )}
    </div>
  );
}

function listClass(isEmpty: boolean, isSelected: boolean): string {
  if (isEmpty) return "inbox inbox-empty";
  return isSelected ? "inbox inbox-selected" : "inbox";
}

/** Moves the selection to the entry that takes the place of one that goes. */
function useNeighbour(
  entries: readonly InboxEntry[],
  selectedId: string | undefined,
  wide: boolean,
  select: (entry: InboxEntry | undefined) => void,
): void {
  const place = useRef(0);
  useEffect(() => {
    if (selectedId === undefined) return;
    const at = entries.findIndex(({ id }) => id === selectedId);
    if (at >= 0) place.current = at;
    else select(wide ? (entries[place.current] ?? entries.at(-1)) : undefined);
  }, [entries, selectedId, wide, select]);
}

type EntryChange =
  | { readonly type: "done" | "restore" | "read" | "unread" | "wake"; readonly entry: InboxEntry }
  | { readonly type: "snooze"; readonly entry: InboxEntry; readonly until: number };

const announcements: Readonly<Record<EntryChange["type"], string>> = {
  done: "Done.",
  restore: "Back in the inbox.",
  read: "",
  unread: "Marked as unread.",
  wake: "Back in the inbox.",
  snooze: "Snoozed.",
};

/** Changes an entry. What it shows follows with the patch of the server. */
function useEntryChange(person: string) {
  const api = useApi();
  const announce = useAnnounce();
  return useMutation({
    mutationFn: async (change: EntryChange) => {
      const inbox = api.inbox(person);
      const ids = [change.entry.id];
      switch (change.type) {
        case "done":
          return inbox.done(ids);
        case "restore":
          return inbox.done(ids, false);
        case "read":
        case "unread":
          return inbox.mark(ids, change.type);
        case "wake":
          return inbox.snooze(ids, null);
        case "snooze":
          return inbox.snooze(ids, change.until);
      }
    },
    onSuccess: (_, { type }) => {
      if (announcements[type] !== "") announce(announcements[type]);
    },
  });
}

/** Presses the button of the approval that the preview shows in full. */
function clickAnswer(kind: "allow_once" | "reject_once"): boolean {
  const buttons = document.querySelectorAll<HTMLButtonElement>(`.inbox-preview [data-kind="${kind}"]`);
  const [button] = buttons;
  if (button === undefined || button.disabled) return false;
  button.click();
  return true;
}

const kindLabels = {
  finished: "Finished",
  failed: "Failed",
  "ci-failed": "CI failed",
  asks: "Asks",
  handover: "Handover",
  mentioned: "Mentions you",
  "review-requested": "Review requested",
  payment: "Payment",
} as const;

function Row({
  entry,
  isSelected,
  onSelect,
}: {
  readonly entry: InboxEntry;
  readonly isSelected: boolean;
  readonly onSelect: (entry: InboxEntry) => void;
}) {
  const { id, kind, task, text, isUnread, isWorking, bumpedAt, snoozedUntil } = entry;
  const words = text === "" && task !== undefined ? baseName(task.repository) : visibleText(text);
  return (
    <li
      className={`inbox-row${isUnread ? " inbox-row-unread" : ""}${isSelected ? " inbox-row-selected" : ""}`}
      data-entry={id}
    >
      <Link
        {...entryLink(entry)}
        className="inbox-row-title"
        aria-current={isSelected ? "true" : undefined}
        onClick={(event) => {
          // With a modifier it is a link like any other.
          if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
          event.preventDefault();
          onSelect(entry);
        }}
      >
        {visibleText(entryTitle(entry))}
      </Link>
      {isUnread && <span className="visually-hidden">Unread</span>}
      <span className="inbox-row-time">
        {snoozedUntil === undefined ? (
          <TimeAgo at={bumpedAt} />
        ) : (
          `until ${new Date(snoozedUntil).toLocaleString([], { weekday: "short", hour: "2-digit", minute: "2-digit" })}`
        )}
      </span>
      <span className="inbox-row-text">
        <span className={`inbox-kind inbox-kind-${kind}`}>{kindLabels[kind]}</span>
        {isWorking && <span className="tag">working again</span>}
        <span className="inbox-row-words">{words}</span>
      </span>
    </li>
  );
}

function EntryActions({
  entry,
  view,
  press,
  onBack,
}: {
  readonly entry: InboxEntry;
  readonly view: InboxView;
  readonly press: (key: InboxKey) => boolean;
  readonly onBack: (() => void) | undefined;
}) {
  const button = (key: InboxKey, label: string): ReactNode => (
    <button
      type="button"
      className="button button-small"
      title={`${label} (${key})`}
      onClick={() => press(key)}
    >
      {label}{" "}
      <span className="inbox-key" aria-hidden="true">
        {key}
      </span>
    </button>
  );
  return (
    <div className="inbox-actions">
      {onBack !== undefined && (
        <button type="button" className="button button-small" onClick={onBack}>
          Back
        </button>
      )}
      {button("e", view === "done" ? "Move to inbox" : "Done")}
      {view === "open" && button("h", "Snooze")}
      {view === "snoozed" && button("h", "Show again")}
      {button("u", entry.isUnread ? "Mark as read" : "Mark as unread")}
      <Link {...entryLink(entry)} className="button button-small">
        {linkLabel(entry)}{" "}
        <span className="inbox-key" aria-hidden="true">
          ↵
        </span>
      </Link>
    </div>
  );
}

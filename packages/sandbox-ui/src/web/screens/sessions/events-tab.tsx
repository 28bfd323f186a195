import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { CopyButton, Empty } from "@holdfast/web-parts";
import { formatCount, formatPreciseClock } from "@holdfast/web-parts/format";
import { type RefObject, useEffect, useRef, useState } from "react";
import type { Sender, SessionEvent } from "../../api/types.ts";
import type { SessionLogView } from "../../api/use-session-log.ts";
import { type ListFilter, ListFilters } from "../list-filters.tsx";
import { summarizeEvent } from "./event-summary.ts";

/** Number of rows rendered initially; more on demand. */
const rowsPerPage = 300;
type Filter = Sender | "all";

const senderMarks: Readonly<Record<Sender, { readonly sign: string; readonly label: string }>> = {
  client: { sign: "→", label: "to the agent" },
  agent: { sign: "←", label: "from the agent" },
  server: { sign: "•", label: "from the server" },
};

const links = {
  connecting: "Connecting…",
  live: "Live",
  offline: "Reconnecting…",
  ended: "Ended",
} as const;

/**
 * The raw log of a session: number, time, direction and summary of each event, which expands to the complete message.
 */
export function EventsTab({
  log,
  selected,
}: {
  readonly log: SessionLogView;
  /** Sequence of an event to expand and scroll to. */
  readonly selected: number | undefined;
}) {
  const [filter, setFilter] = useState<ListFilter<Filter>>({ kind: "all", search: "" });
  const last = log.events.at(-1)?.sequence ?? 0;
  const [rows, setRows] = useState(Math.max(rowsPerPage, selected === undefined ? 0 : last - selected + 20));
  const root = useRef<HTMLDivElement>(null);
  const filtered = log.events.filter((event) =>
    matches(event, filter.kind, filter.search.trim().toLowerCase()),
  );
  const visible = filtered.slice(-rows);
  useStickToEnd(root, visible.at(-1)?.sequence, selected === undefined);
  return (
    <div className="events" ref={root}>
      <ListFilters
        label="Sender"
        kinds={senderKinds}
        placeholder="Text of the message"
        value={filter}
        onChange={setFilter}
      />
      <p className="events-line muted small">
        <span data-testid="log-link" data-link={log.link}>
          {links[log.link]}
        </span>
        {` · ${formatCount(filtered.length)} of ${formatCount(log.events.length)} events`}
        {log.gaps.map(({ from, to }) => ` · ${from} to ${to} are no longer available`).join("")}
        {(filtered.length > visible.length || log.from > 1) && (
          <button
            type="button"
            className="link-button"
            onClick={() => {
              setRows((count) => count + rowsPerPage);
              if (filtered.length <= visible.length) void log.loadOlder();
            }}
          >
            Show older
          </button>
        )}
      </p>
      {visible.length === 0 ? (
        <Empty title={log.events.length === 0 ? "No messages yet." : "No events match the filter."} />
      ) : (
        <ol className="event-list" data-testid="events">
          {visible.map((event) => (
            <EventRow key={event.sequence} event={event} selected={event.sequence === selected} />
          ))}
        </ol>
      )}
    </div>
  );
}

function matches(event: SessionEvent, sender: Filter, search: string): boolean {
  if (sender !== "all" && event.sender !== sender) return false;
  return search === "" || JSON.stringify(event.payload).toLowerCase().includes(search);
}

const senderKinds: readonly { readonly value: Filter; readonly label: string }[] = [
  { value: "all", label: "All" },
  { value: "client", label: "To the agent" },
  { value: "agent", label: "From the agent" },
  { value: "server", label: "Server" },
];

function EventRow({ event, selected }: { readonly event: SessionEvent; readonly selected: boolean }) {
  const [open, setOpen] = useState(selected);
  const row = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (!selected) return;
    row.current?.scrollIntoView({ block: "center" });
    row.current?.querySelector("summary")?.focus({ preventScroll: true });
  }, [selected]);
  const { name, summary } = summarizeEvent(event);
  const { sign, label } = senderMarks[event.sender];
  return (
    <li className={`event event-${event.sender}`} ref={row}>
      <details open={open} onToggle={(toggled) => setOpen(toggled.currentTarget.open)}>
        <summary>
          <span className="event-number">{event.sequence}</span>
          <span className="event-time">{formatPreciseClock(event.createdAt)}</span>
          <span className="event-sign" role="img" aria-label={label} title={label}>
            {sign}
          </span>
          <span className="event-name">{visibleText(name)}</span>
          <span className="event-about">{visibleText(summary)}</span>
        </summary>
        {open && <Raw event={event} />}
      </details>
    </li>
  );
}

function Raw({ event }: { readonly event: SessionEvent }) {
  const text = JSON.stringify(event.payload, null, 2);
  return (
    <div className="event-raw">
      <pre>{visibleText(text)}</pre>
      <CopyButton text={text} label={`Copy event ${event.sequence}`} />
    </div>
  );
}

/** Keeps the surrounding scroll container at its end, unless the reader has scrolled up. */
function useStickToEnd(
  inner: RefObject<HTMLElement | null>,
  last: number | undefined,
  initially: boolean,
): void {
  const isAtEnd = useRef(initially);
  useEffect(() => {
    const scroller = inner.current?.closest<HTMLElement>(".tab-panel");
    if (!scroller) return;
    const onScroll = () => {
      isAtEnd.current = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 40;
    };
    scroller.addEventListener("scroll", onScroll);
    return () => scroller.removeEventListener("scroll", onScroll);
  }, [inner]);
  useEffect(() => {
    const scroller = inner.current?.closest<HTMLElement>(".tab-panel");
    if (scroller && last !== undefined && isAtEnd.current) scroller.scrollTop = scroller.scrollHeight;
  }, [inner, last]);
}

import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { CopyButton, Empty } from "@holdfast/web-parts";
import { formatCount, formatPreciseClock } from "@holdfast/web-parts/format";
import { type RefObject, useEffect, useId, useRef, useState } from "react";
import type { Sender, SessionEvent } from "../../api/types.ts";
import type { SessionLogView } from "../../api/use-session-log.ts";
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
  const [sender, setSender] = useState<Filter>("all");
  const [search, setSearch] = useState("");
  const last = log.events.at(-1)?.sequence ?? 0;
  const [rows, setRows] = useState(Math.max(rowsPerPage, selected === undefined ? 0 : last - selected + 20));
  const root = useRef<HTMLDivElement>(null);
  const filtered = log.events.filter((event) => matches(event, sender, search.trim().toLowerCase()));
  const visible = filtered.slice(-rows);
  useStickToEnd(root, visible.at(-1)?.sequence, selected === undefined);
  return (
    <div className="events" ref={root}>
      <EventFilters {...{ sender, setSender, search, setSearch }} />
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

function EventFilters({
  sender,
  setSender,
  search,
  setSearch,
}: {
  readonly sender: Filter;
  readonly setSender: (sender: Filter) => void;
  readonly search: string;
  readonly setSearch: (search: string) => void;
}) {
  const id = useId();
  return (
    <div className="filters">
      <div className="field-inline">
        <label htmlFor={`${id}-sender`}>Sender</label>
        <select
          id={`${id}-sender`}
          value={sender}
          onChange={(event) => setSender(filters.find((name) => name === event.target.value) ?? "all")}
        >
          <option value="all">All</option>
          <option value="client">To the agent</option>
          <option value="agent">From the agent</option>
          <option value="server">Server</option>
        </select>
      </div>
      <div className="field-inline field-grow">
        <label htmlFor={`${id}-search`}>Search</label>
        <input
          id={`${id}-search`}
          type="search"
          value={search}
          placeholder="Text of the message"
          spellCheck={false}
          onChange={(event) => setSearch(event.target.value)}
        />
      </div>
    </div>
  );
}

const filters: readonly Filter[] = ["all", "client", "agent", "server"];

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

import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { CopyButton, Empty } from "@holdfast/web-parts";
import { formatCount, formatPreciseClock } from "@holdfast/web-parts/format";
import { type RefObject, useEffect, useId, useRef, useState } from "react";
import type { Sender, SessionEvent } from "../../api/types.ts";
import type { SessionLogView } from "../../api/use-session-log.ts";
import { eventWords } from "./event-words.ts";

/** Number of rows rendered initially; more on demand. */
const rowsAtOnce = 300;
type Filter = Sender | "all";

const arrows: Readonly<Record<Sender, { readonly sign: string; readonly words: string }>> = {
  client: { sign: "→", words: "to the agent" },
  agent: { sign: "←", words: "from the agent" },
  server: { sign: "•", words: "from the server" },
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
  shown: asked,
}: {
  readonly log: SessionLogView;
  /** Sequence of an event to expand and scroll to. */
  readonly shown: number | undefined;
}) {
  const [sender, setSender] = useState<Filter>("all");
  const [search, setSearch] = useState("");
  const last = log.events.at(-1)?.sequence ?? 0;
  const [rows, setRows] = useState(Math.max(rowsAtOnce, asked === undefined ? 0 : last - asked + 20));
  const root = useRef<HTMLDivElement>(null);
  const shown = log.events.filter((event) => matches(event, sender, search.trim().toLowerCase()));
  const visible = shown.slice(-rows);
  useStickToEnd(root, visible.at(-1)?.sequence, asked === undefined);
  return (
    <div className="events" ref={root}>
      <EventFilters {...{ sender, setSender, search, setSearch }} />
      <p className="events-line muted small">
        <span data-testid="log-link" data-link={log.link}>
          {links[log.link]}
        </span>
        {` · ${formatCount(shown.length)} of ${formatCount(log.events.length)} events`}
        {log.gaps.map(({ from, to }) => ` · ${from} to ${to} are no longer available`).join("")}
        {(shown.length > visible.length || log.from > 1) && (
          <button
            type="button"
            className="link-button"
            onClick={() => {
              setRows((count) => count + rowsAtOnce);
              if (shown.length <= visible.length) void log.loadOlder();
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
            <EventRow key={event.sequence} event={event} asked={event.sequence === asked} />
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

function EventRow({ event, asked }: { readonly event: SessionEvent; readonly asked: boolean }) {
  const [open, setOpen] = useState(asked);
  const row = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (!asked) return;
    row.current?.scrollIntoView({ block: "center" });
    row.current?.querySelector("summary")?.focus({ preventScroll: true });
  }, [asked]);
  const { name, about } = eventWords(event);
  const { sign, words } = arrows[event.sender];
  return (
    <li className={`event event-${event.sender}`} ref={row}>
      <details open={open} onToggle={(toggled) => setOpen(toggled.currentTarget.open)}>
        <summary>
          <span className="event-number">{event.sequence}</span>
          <span className="event-time">{formatPreciseClock(event.createdAt)}</span>
          <span className="event-sign" role="img" aria-label={words} title={words}>
            {sign}
          </span>
          <span className="event-name">{visibleText(name)}</span>
          <span className="event-about">{visibleText(about)}</span>
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
  const stuck = useRef(initially);
  useEffect(() => {
    const scroller = inner.current?.closest<HTMLElement>(".tab-panel");
    if (!scroller) return;
    const onScroll = () => {
      stuck.current = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 40;
    };
    scroller.addEventListener("scroll", onScroll);
    return () => scroller.removeEventListener("scroll", onScroll);
  }, [inner]);
  useEffect(() => {
    const scroller = inner.current?.closest<HTMLElement>(".tab-panel");
    if (scroller && last !== undefined && stuck.current) scroller.scrollTop = scroller.scrollHeight;
  }, [inner, last]);
}

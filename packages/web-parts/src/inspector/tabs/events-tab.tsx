import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { useRef, useState } from "react";
import { formatClock } from "../../format.ts";
import { Empty } from "../../index.ts";
import { useOpenActor } from "../api/context.ts";
import { SelectField } from "../parts/fields.tsx";
import { useStickToEnd } from "../parts/stick-to-end.ts";
import { Value } from "../parts/value.tsx";

/** Events broadcast by the actor since this page was opened. */
export function EventsTab() {
  const { actor, live, feed } = useOpenActor();
  const [name, setName] = useState("");
  const [heldAt, setHeldAt] = useState<number>();
  const list = useRef<HTMLUListElement>(null);
  const known = [...new Set([...actor.events, ...live.events.map((event) => event.name)])].sort();
  const events = live.events.filter(
    (event) => (name === "" || event.name === name) && (heldAt === undefined || event.seq <= heldAt),
  );
  const last = live.events.at(-1)?.seq ?? 0;
  const waiting = heldAt === undefined ? 0 : last - heldAt;
  const onScroll = useStickToEnd(list, events.at(-1)?.seq);
  return (
    <>
      <div className="panel-head">
        <h2>Events</h2>
        <div className="panel-deeds">
          <button
            type="button"
            className="button button-small"
            aria-pressed={heldAt !== undefined}
            onClick={() => setHeldAt(heldAt === undefined ? last : undefined)}
          >
            {heldAt === undefined ? "Pause" : waiting > 0 ? `Resume (${waiting} new)` : "Go on"}
          </button>
          <button
            type="button"
            className="button button-small"
            disabled={live.events.length === 0}
            onClick={() => feed.clearEvents()}
          >
            Clear
          </button>
        </div>
      </div>
      <div className="panel-filters">
        <SelectField label="Event" value={name} onChange={setName}>
          <option value="">All events</option>
          {known.map((each) => (
            <option key={each} value={each}>
              {visibleText(each)}
            </option>
          ))}
        </SelectField>
      </div>
      {events.length === 0 ? (
        <Empty title={name === "" ? "No events yet" : `No ${visibleText(name)} yet`}>
          Events that the actor broadcasts appear here while this page is open.
        </Empty>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable list is reached by keyboard.
        <ul className="feed" tabIndex={0} aria-label="Events" ref={list} onScroll={onScroll}>
          {events.map((event) => (
            <li key={event.seq} data-event={event.name}>
              <time className="muted">{formatClock(event.at)}</time>{" "}
              <strong>{visibleText(event.name)}</strong>{" "}
              <Value
                value={event.args.length === 1 ? event.args[0] : event.args}
                label={`Payload of ${event.name}`}
              />
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** The frame of the page: views, the list of tickets with its search, the open ticket. */
import { useActorState } from "holdfast/react";
import { useDeferredValue, useEffect, useState } from "react";
import type { SessionInfo } from "../http/routes.ts";
import type { Agent } from "../http/sessions.ts";
import type { TicketList } from "../inbox.ts";
import { limits } from "../limits.ts";
import { ago, ask, useActor, useIsOnline } from "./client.ts";
import { Icon } from "./icons.tsx";
import { addressOf, type Place, usePlace, viewNames } from "./place.ts";
import { Ticket } from "./ticket.tsx";

interface InboxProps {
  readonly agent: Agent;
  /** When the page was loaded. */
  readonly team: readonly Agent[];
  readonly model: string;
  readonly onSignOut: () => void;
}

/** The agents, asked for again at each ticket: somebody may have joined. */
function useTeam(known: readonly Agent[], ticketId: string | undefined): readonly Agent[] {
  const [team, setTeam] = useState(known);
  useEffect(() => {
    if (ticketId === undefined) return;
    // Without an answer, the agents known before are shown.
    ask<SessionInfo>("GET", "/session").then(
      (info) => setTeam(info.team),
      () => undefined,
    );
  }, [ticketId]);
  return team;
}

export function Inbox({ agent, team: known, model, onSignOut }: InboxProps) {
  const place = usePlace();
  const team = useTeam(known, place.ticketId);
  const [search, setSearch] = useState("");
  const [tag, setTag] = useState<string>();
  const wanted = useDeferredValue(search);
  const inbox = useActor({ name: "inbox", key: ["main"] });
  const { state, error, reload } = useActorState(inbox, {
    load: (self) => self.list({ view: place.view, tag, search: wanted }),
    // Every change of a ticket loads the list again.
    on: { changed: undefined },
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is asked for has changed.
  useEffect(() => void reload(), [place.view, tag, wanted, reload]);
  const isOnline = useIsOnline(inbox.isConnected);
  const isRefused = inbox.error !== null && inbox.error.group === "user";
  useEffect(() => {
    if (isRefused) onSignOut();
  }, [isRefused, onSignOut]);
  return (
    <div className="frame" data-open={place.ticketId !== undefined}>
      <aside className="views">
        <p className="brand">
          <span className="logo" aria-hidden="true" /> Support inbox
        </p>
        <Views place={place} list={state} tag={tag} setTag={setTag} isSearch={wanted !== ""} />
        <div className="agent">
          <span className="avatar" aria-hidden="true">
            {agent.name.slice(0, 1).toUpperCase()}
          </span>
          <span>
            {agent.name} <small>{model === "demo" ? "demo model" : model}</small>
          </span>
          <button type="button" className="plain" aria-label="Sign out" onClick={onSignOut}>
            <Icon name="signOut" />
          </button>
        </div>
      </aside>
      <section className="list" aria-label="Tickets">
        <label className="search">
          <Icon name="search" />
          <input
            type="search"
            aria-label="Search in all tickets"
            placeholder="Search in all tickets"
            value={search}
            maxLength={limits.searchLength}
            onChange={(event) => setSearch(event.target.value)}
          />
        </label>
        {!isOnline && (
          <p className="notice" role="status">
            <Icon name="warning" /> The connection is lost. Trying again.
          </p>
        )}
        {error !== undefined && error !== null && <p role="alert">{error.message}</p>}
        <Rows list={state} place={place} isSearch={wanted !== ""} />
      </section>
      <main>
        {place.ticketId === undefined ? (
          <div className="centered soft">
            <h1>No ticket is open</h1>
            <p>Choose one from the list.</p>
          </div>
        ) : (
          <Ticket
            key={place.ticketId}
            id={place.ticketId}
            agent={agent}
            team={team}
            back={addressOf(place.view)}
            isOnline={isOnline}
          />
        )}
      </main>
    </div>
  );
}

interface ViewsProps {
  readonly place: Place;
  readonly list: TicketList | undefined;
  readonly tag: string | undefined;
  readonly setTag: (tag: string | undefined) => void;
  readonly isSearch: boolean;
}

function Views({ place, list, tag, setTag, isSearch }: ViewsProps) {
  return (
    <>
      <nav aria-label="Views">
        <ul>
          {Object.entries(viewNames).map(([view, name]) => (
            <li key={view}>
              <a href={`#/${view}`} aria-current={!isSearch && view === place.view ? "page" : undefined}>
                {name} <span className="count">{list?.counts[view as Place["view"]] ?? ""}</span>
              </a>
            </li>
          ))}
        </ul>
      </nav>
      {list !== undefined && (list.tags.length > 0 || tag !== undefined) && (
        <section className="tags" aria-label="Tags">
          <h2>Tags</h2>
          <p>
            {list.tags.map(({ tag: each, count }) => (
              <button
                type="button"
                key={each}
                className="tag"
                aria-pressed={each === tag}
                onClick={() => setTag(each === tag ? undefined : each)}
              >
                {each} {count}
              </button>
            ))}
            {tag !== undefined && !list.tags.some((each) => each.tag === tag) && (
              <button type="button" className="tag" aria-pressed="true" onClick={() => setTag(undefined)}>
                {tag}
              </button>
            )}
          </p>
        </section>
      )}
    </>
  );
}

function Rows(props: { list: TicketList | undefined; place: Place; isSearch: boolean }) {
  const { list, place, isSearch } = props;
  if (list === undefined) return <p className="empty soft">Loading</p>;
  if (list.tickets.length === 0)
    return (
      <p className="empty soft">
        {isSearch ? "Nothing was found." : "Nothing here. New messages appear by themselves."}
      </p>
    );
  return (
    <ul>
      {list.tickets.map((each) => (
        <li key={each.id}>
          <a
            href={addressOf(place.view, each.id)}
            aria-current={each.id === place.ticketId ? "true" : undefined}
            data-waiting={each.isOpen && each.isWaiting}
          >
            <span className="line">
              <strong>{each.customer}</strong> <small>{ago(each.updatedAt)}</small>
            </span>
            <span className="subject">{each.subject}</span>
            <small className="preview">{each.preview}</small>
            <span className="marks">
              {each.hasDraft && <span className="mark draft">draft</span>}
              {!each.isOpen && <span className="mark">closed</span>}
              {each.assignee !== null && <span className="mark">{each.assignee}</span>}
              {each.tags.map((tag) => (
                <span key={tag} className="mark">
                  {tag}
                </span>
              ))}
            </span>
          </a>
        </li>
      ))}
      {list.tickets.length === limits.listed && (
        <li className="empty soft">These are the last {limits.listed}. Search for older ones.</li>
      )}
    </ul>
  );
}

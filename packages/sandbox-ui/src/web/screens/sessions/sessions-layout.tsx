import { ErrorNotice, Loading, PlusIcon, TimeAgo, useRows } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet } from "@tanstack/react-router";
import { useId, useState } from "react";
import { useApi } from "../../api/context.ts";
import { sessionsQuery } from "../../api/queries.ts";
import type { Session } from "../../api/types.ts";
import { useSessionChanges } from "../../api/use-session-changes.ts";
import { SessionStatusMark } from "./session-status.tsx";

/** List of the active or the archived sessions, beside the open session or the form for a new one. */
export function SessionsLayout() {
  useSessionChanges();
  const [archived, setArchived] = useState(false);
  const { data, error, isPending, refetch } = useQuery(sessionsQuery(useApi()));
  const shown = data?.sessions.filter(({ archivedAt }) => (archivedAt !== undefined) === archived);
  const { rows, more } = useRows(shown ?? []);
  return (
    <div className="split">
      <aside className="split-list" aria-label="Sessions">
        <div className="split-head">
          <h2>Sessions</h2>
          <Link to="/sessions" className="button button-small" activeOptions={{ exact: true }}>
            <PlusIcon />
            New
          </Link>
        </div>
        <ArchivedFilter archived={archived} onChange={setArchived} />
        {error !== null && data === undefined && <ErrorNotice error={error} onRetry={() => void refetch()} />}
        {isPending && error === null && <Loading label="Loading the sessions" />}
        {shown?.length === 0 && (
          <p className="muted small">
            {archived ? "No archived sessions." : "No sessions yet. Start one with New."}
          </p>
        )}
        {data !== undefined && (
          <ul className="rows" data-testid="sessions">
            {rows.map((session) => (
              <li key={session.id}>
                <SessionRow session={session} />
              </li>
            ))}
          </ul>
        )}
        {more}
        {data?.durable === false && data.sessions.length > 0 && (
          <p className="muted small">
            This server keeps its sessions in memory. With <code>--data DIRECTORY</code> they survive a
            restart.
          </p>
        )}
      </aside>
      <section className="split-main">
        <Outlet />
      </section>
    </div>
  );
}

function ArchivedFilter({
  archived,
  onChange,
}: {
  readonly archived: boolean;
  readonly onChange: (archived: boolean) => void;
}) {
  const id = useId();
  return (
    <div className="field-inline">
      <label htmlFor={id}>Show</label>
      <select
        id={id}
        value={archived ? "archived" : "active"}
        onChange={({ target }) => onChange(target.value === "archived")}
      >
        <option value="active">Active</option>
        <option value="archived">Archived</option>
      </select>
    </div>
  );
}

function SessionRow({ session }: { readonly session: Session }) {
  return (
    <Link to="/sessions/$sessionId" params={{ sessionId: session.id }} className="row">
      <span className="row-title">{sessionTitle(session)}</span>
      <span className="row-line">
        <SessionStatusMark status={session.status} />
        <span className="muted small">{session.agent}</span>
        <span className="muted small row-end">
          <TimeAgo at={session.updatedAt} />
        </span>
      </span>
    </Link>
  );
}

/** Title of a session; by default its agent and folder. */
export function sessionTitle(session: Session): string {
  return session.title ?? `${session.agent} in ${session.cwd.split("/").at(-1) || "/"}`;
}

import { ConfirmButton, ErrorNotice, Loading, TimeAgo } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import type { SessionView } from "../../contract/people.ts";
import { deviceName } from "../shared/browser/device.ts";
import { peopleApi, sessionsQuery, usePeopleChange } from "./queries.ts";

/** Where the person is signed in. */
export function Sessions() {
  const sessions = useQuery(sessionsQuery);
  return (
    <section aria-labelledby="sessions-heading">
      <h2 id="sessions-heading">Sessions</h2>
      {sessions.isPending && <Loading label="Loading sessions" rows={2} />}
      {sessions.isError && sessions.data === undefined && (
        <ErrorNotice error={sessions.error} onRetry={() => void sessions.refetch()} />
      )}
      {sessions.data !== undefined && (
        <ul className="rows">
          {sessions.data.map((session) => (
            <SessionRow key={session.id} session={session} />
          ))}
        </ul>
      )}
    </section>
  );
}

function SessionRow({ session }: { readonly session: SessionView }) {
  const end = usePeopleChange(() => peopleApi.endSession(session.id));
  const device = deviceName(session.userAgent);
  return (
    <li className="row person-row">
      <div className="row-main">
        <p className="row-title">
          {device} {session.isCurrent && <span className="tag">This browser</span>}
        </p>
        <p className="muted">
          Signed in <TimeAgo at={session.createdAt} />
          {session.ipAddress !== null && ` from ${session.ipAddress}`}
        </p>
      </div>
      {!session.isCurrent && (
        <ConfirmButton
          className="button button-small button-stop"
          label="End"
          accessibleLabel={`End the session of ${device}`}
          title="End this session?"
          confirmLabel="End session"
          onConfirm={() => end.mutateAsync(undefined)}
        >
          <p>That browser is signed out at once, and its open pages stop working.</p>
        </ConfirmButton>
      )}
    </li>
  );
}

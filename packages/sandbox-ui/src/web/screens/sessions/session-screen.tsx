import {
  AskButton,
  ConfirmButton,
  ErrorNotice,
  Loading,
  TabPanel,
  TabStrip,
  useAnnounce,
  usePageTitle,
} from "@holdfast/web-parts";
import { isNotFound } from "@holdfast/web-parts/sandbox";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useApi } from "../../api/context.ts";
import { keys, permissionsQuery, sessionQuery } from "../../api/queries.ts";
import type { Session, SessionEvent } from "../../api/types.ts";
import { type SessionLogView, useSessionLog } from "../../api/use-session-log.ts";
import { PermissionList } from "../permission-card.tsx";
import { Composer } from "./composer.tsx";
import { Conversation } from "./conversation.tsx";
import { EventsTab } from "./events-tab.tsx";
import { SessionDetails } from "./session-details.tsx";
import { SessionSettings } from "./session-settings.tsx";
import { SessionStatusMark } from "./session-status.tsx";
import { sessionTitle } from "./sessions-layout.tsx";

type TabId = "conversation" | "events" | "permissions" | "details";

const route = getRouteApi("/sessions/$sessionId");

export function SessionScreen() {
  const { sessionId } = route.useParams();
  return <LoadedSession key={sessionId} id={sessionId} />;
}

function LoadedSession({ id }: { readonly id: string }) {
  const { data: session, error, refetch } = useQuery(sessionQuery(useApi(), id));
  const log = useSessionLog(id, session?.lastSequence);
  useRefetchOnEvent(log.events);
  // A session that was deleted elsewhere must not stay on the screen.
  if (session === undefined || isNotFound(error)) {
    return (
      <div className="page">
        {error === null ? (
          <Loading label="Loading the session" />
        ) : (
          <ErrorNotice error={error} onRetry={() => void refetch()} />
        )}
      </div>
    );
  }
  return <SessionView session={session} log={log} />;
}

/** Refetches the session and its permissions when the log shows a change, instead of waiting for the next poll. */
function useRefetchOnEvent(events: readonly SessionEvent[]): void {
  const queries = useQueryClient();
  const last = events.at(-1);
  const lastChange = last !== undefined && last.payload.method !== "session/update" ? last.sequence : 0;
  useEffect(() => {
    if (lastChange === 0) return;
    void queries.invalidateQueries({ queryKey: keys.sessions });
    void queries.invalidateQueries({ queryKey: keys.permissions });
  }, [queries, lastChange]);
}

function SessionView({ session, log }: { readonly session: Session; readonly log: SessionLogView }) {
  const [tab, setTab] = useState<TabId>("conversation");
  const [selectedEvent, setSelectedEvent] = useState<number>();
  const title = sessionTitle(session);
  usePageTitle(title);
  const { data: permissions } = useQuery(permissionsQuery(useApi(), session.id));
  const pending = permissions?.filter(({ state }) => state === "pending") ?? [];
  return (
    <div className="session">
      <header className="session-head">
        <div className="session-name">
          <h1>{title}</h1>
          <p className="row-line">
            <SessionStatusMark status={session.status} />
            <span className="tag">{session.agent}</span>
            {session.archivedAt !== undefined && <span className="tag">archived</span>}
            <code className="muted">{session.cwd}</code>
          </p>
        </div>
        <SessionActions session={session} />
        <SessionSettings session={session} />
      </header>
      {log.error !== undefined && <ErrorNotice error={log.error} title="The log could not be loaded." />}
      {log.olderError !== undefined && (
        <ErrorNotice error={log.olderError} title="The older events could not be loaded." />
      )}
      <TabStrip
        label="Session views"
        tab={tab}
        onChange={(chosen) => {
          setSelectedEvent(undefined);
          setTab(chosen);
        }}
        tabs={[
          { id: "conversation", label: "Conversation" },
          { id: "events", label: "Events", count: session.lastSequence },
          { id: "permissions", label: "Permissions", count: pending.length },
          { id: "details", label: "Details" },
        ]}
      />
      <TabPanel tab={tab} className="tab-panel" tabIndex={0}>
        {tab === "conversation" && (
          <Conversation
            session={session}
            log={log}
            onEvent={(sequence) => {
              setSelectedEvent(sequence);
              setTab("events");
            }}
          />
        )}
        {tab === "events" && <EventsTab log={log} selected={selectedEvent} />}
        {tab === "permissions" && <PermissionList permissions={permissions} />}
        {tab === "details" && <SessionDetails session={session} />}
      </TabPanel>
      {/* Hidden, not gone: what was typed stays. */}
      <div hidden={tab === "details"}>
        <Composer session={session} />
      </div>
    </div>
  );
}

function SessionActions({ session }: { readonly session: Session }) {
  const api = useApi();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const announce = useAnnounce();
  const refresh = () => queries.invalidateQueries({ queryKey: keys.sessions });
  const close = useMutation({ mutationFn: () => api.closeSession(session.id), onSuccess: refresh });
  const fork = useMutation({
    mutationFn: () => api.forkSession(session.id),
    async onSuccess({ session: forked }) {
      void refresh();
      await navigate({ to: "/sessions/$sessionId", params: { sessionId: forked.id } });
    },
  });
  const isArchived = session.archivedAt !== undefined;
  const archive = useMutation({
    mutationFn: () => api.changeSession(session.id, { archived: !isArchived }),
    async onSuccess() {
      announce(isArchived ? "The session is on the list again." : "The session is archived.");
      await refresh();
    },
  });
  const failed = close.error ?? fork.error ?? archive.error;
  return (
    <fieldset className="actions" aria-label="Session">
      <AskButton
        label="Rename"
        title="Rename the session"
        field="Title"
        initial={session.title ?? ""}
        confirmLabel="Rename"
        onConfirm={async (text) => {
          await api.changeSession(session.id, { title: text });
          await refresh();
        }}
      />
      <button
        type="button"
        className="button button-small"
        disabled={fork.isPending}
        onClick={() => fork.mutate()}
      >
        Fork
      </button>
      <button
        type="button"
        className="button button-small"
        disabled={close.isPending || session.status === "detached"}
        onClick={() => close.mutate()}
      >
        End agent
      </button>
      <button
        type="button"
        className="button button-small"
        disabled={archive.isPending}
        onClick={() => archive.mutate()}
      >
        {isArchived ? "Unarchive" : "Archive"}
      </button>
      <ConfirmButton
        label="Delete"
        title="Delete this session?"
        confirmLabel="Delete"
        onConfirm={async () => {
          await api.deleteSession(session.id);
          await navigate({ to: "/sessions" });
          queries.removeQueries({ queryKey: keys.session(session.id) });
          void refresh();
        }}
      >
        <p>This stops its agent and deletes its log. It cannot be undone.</p>
      </ConfirmButton>
      {failed !== null && <ErrorNotice error={failed} />}
    </fieldset>
  );
}

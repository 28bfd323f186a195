import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { errorCode } from "../errors.ts";
import { formatDateTime } from "../format.ts";
import {
  ConfirmButton,
  CopyButton,
  Empty,
  ErrorNotice,
  Loading,
  TabPanel,
  TabStrip,
  useAnnounce,
  useKeepFocus,
  usePageTitle,
} from "../index.ts";
import { OpenActorProvider, useOpenActor } from "./api/context.ts";
import { LiveFeed } from "./api/live.ts";
import { actorKey, mergeChange, summaryQuery } from "./api/queries.ts";
import type { ActorAddress, InspectedActor } from "./api/types.ts";
import { formatKey } from "./api/values.ts";
import { LivePill } from "./parts/actor-status.tsx";
import { panels, type TabId, tabsOf } from "./tab-set.ts";

/** One actor: its parts, live, and the operations on it. */
export function ActorScreen({
  address,
  tab,
  onTab,
}: {
  readonly address: ActorAddress;
  readonly tab: TabId | undefined;
  readonly onTab: (tab: TabId) => void;
}) {
  const query = useQuery(summaryQuery(address));
  usePageTitle(query.data === undefined ? address.name : `${address.name} ${formatKey(query.data.key)}`);
  if (query.data !== undefined) {
    return <OpenedActor address={address} actor={query.data} tab={tab} onTab={onTab} />;
  }
  if (query.isPending) {
    return (
      <div className="page">
        <Loading label="Loading the actor" rows={8} />
      </div>
    );
  }
  return (
    <div className="page page-narrow">
      {errorCode(query.error) === "actor.not_found" ? (
        <NoActor />
      ) : (
        <>
          <h1>{address.name}</h1>
          <ErrorNotice
            error={query.error}
            title="The actor cannot be shown."
            onRetry={() => void query.refetch()}
          />
          <Link to="/inspector">View all actors</Link>
        </>
      )}
    </div>
  );
}

function NoActor() {
  return (
    <Empty heading title="Actor not found">
      It may have been destroyed. <Link to="/inspector">View all actors</Link>
    </Empty>
  );
}

function OpenedActor({
  address: { name, id },
  actor,
  tab: asked,
  onTab,
}: {
  readonly address: ActorAddress;
  readonly actor: InspectedActor;
  readonly tab: TabId | undefined;
  readonly onTab: (tab: TabId) => void;
}) {
  const queries = useQueryClient();
  const address = useMemo(() => ({ name, id }), [name, id]);
  const feed = useMemo(
    () => new LiveFeed(address, (change) => mergeChange(queries, address, change)),
    [address, queries],
  );
  useEffect(() => feed.start(), [feed]);
  const live = useSyncExternalStore(feed.subscribe, feed.snapshot);
  const tabs = tabsOf(actor);
  const tab = tabs.find((each) => each.id === asked)?.id ?? tabs[0]?.id ?? "logs";
  const Panel = panels[tab];
  const gone = live.status === "ended";
  return (
    <OpenActorProvider value={{ address, actor, live, feed }}>
      <div className="page actor-page">
        <ActorHeader />
        {gone ? (
          <EndedNotice reason={live.reason} />
        ) : (
          <>
            <TabStrip
              label="Parts of the actor"
              className="inspect-tabs"
              tabs={tabs}
              tab={tab}
              onChange={onTab}
            />
            <TabPanel tab={tab} className="inspect-panel" tabIndex={-1}>
              <Panel />
            </TabPanel>
          </>
        )}
      </div>
    </OpenActorProvider>
  );
}

function EndedNotice({ reason }: { readonly reason: string | undefined }) {
  const destroyed = reason === "actor.destroyed" || reason === "actor.not_found";
  return (
    <Empty title={destroyed ? "This actor was destroyed" : "This actor cannot be watched"}>
      {reason !== undefined && !destroyed && <code>{reason}</code>}{" "}
      <Link to="/inspector">View all actors</Link>
    </Empty>
  );
}

function ActorHeader() {
  const { address, actor, live, api } = useOpenActor();
  const announce = useAnnounce();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const words = formatKey(actor.key);
  const custom = actor.tabs.filter(({ hidden, label }) => !hidden && label !== undefined);
  const leave = () => {
    announce("Destroyed.");
    void navigate({ to: "/inspector" }).then(() => queries.removeQueries({ queryKey: actorKey(address) }));
  };
  return (
    <header className="actor-header">
      <nav aria-label="Breadcrumb" className="small">
        <Link to="/inspector">Actors</Link> <span aria-hidden="true">/</span>{" "}
        <Link to="/inspector" search={{ name: address.name }}>
          {address.name}
        </Link>
      </nav>
      <div className="actor-header-main">
        <h1>
          {address.name} <span className={actor.key.length === 0 ? "muted" : "actor-key"}>{words}</span>
        </h1>
        <div className="actor-header-deeds">
          {live.status === "sleeping" ? (
            <WakeButton />
          ) : (
            <ConfirmButton
              label="Sleep"
              className="button"
              title="Put this actor to sleep?"
              confirmLabel="Put to sleep"
              disabled={live.status === "ended"}
              onConfirm={() => api.sleep()}
              onDone={() => announce("Asleep.")}
            >
              <p>
                It finishes its current work and leaves memory. The next call or alarm wakes it. No data is
                lost.
              </p>
            </ConfirmButton>
          )}
          <ConfirmButton
            label="Destroy"
            className="button button-stop"
            title={`Destroy ${address.name} ${words}?`}
            confirmLabel="Destroy actor"
            disabled={live.status === "ended"}
            onConfirm={() => api.destroy()}
            onDone={leave}
          >
            <p>Its state, database, queues, schedules and history are deleted. This cannot be undone.</p>
          </ConfirmButton>
        </div>
      </div>
      <p className="task-meta">
        <LivePill status={live.status} />
        <span className="actor-id">
          <code>{address.id}</code>
          <CopyButton text={address.id} label="Copy the id" />
        </span>
        {actor.createdAt !== undefined && <span>made {formatDateTime(actor.createdAt)}</span>}
        {custom.map(({ id, label }) => (
          <a key={id} href={api.customTabUrl(id)} target="_blank" rel="noreferrer">
            {label}
          </a>
        ))}
      </p>
    </header>
  );
}

function WakeButton() {
  const { address } = useOpenActor();
  const queries = useQueryClient();
  const button = useRef<HTMLButtonElement>(null);
  useKeepFocus(button);
  // Inspecting an actor wakes it.
  const wake = useMutation({
    mutationFn: () => queries.fetchQuery({ ...summaryQuery(address), staleTime: 0 }),
  });
  return (
    <>
      <button type="button" className="button" ref={button} onClick={() => wake.isPending || wake.mutate()}>
        Wake
      </button>
      {wake.isError && <ErrorNotice error={wake.error} title="The actor was not woken." />}
    </>
  );
}

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { formatCount, formatDateTime } from "../format.ts";
import { Empty, ErrorNotice, Loading, RefreshIcon, TimeAgo, useDebounced, usePageTitle } from "../index.ts";
import { MoreButton } from "../ui/more-button.tsx";
import { actorCountQuery, actorListQuery, actorNamesQuery } from "./api/queries.ts";
import type { ActorFilter, ActorStatus, ActorSummary } from "./api/types.ts";
import { formatKey } from "./api/values.ts";
import { ActorStatusPill } from "./parts/actor-status.tsx";
import { SelectField, TextField } from "./parts/fields.tsx";
import { ProfileButtons } from "./profile-buttons.tsx";

/** All actors of this server, filtered by name, key and status. */
export function ActorsScreen({
  filter,
  onFilter,
}: {
  readonly filter: ActorFilter;
  readonly onFilter: (filter: ActorFilter) => void;
}) {
  usePageTitle("Actors");
  const list = useInfiniteQuery(actorListQuery(filter));
  const actors = list.data?.pages.flatMap((page) => page.actors);
  const unanswered = new Set(list.data?.pages.flatMap((page) => page.unanswered ?? []));
  const filtered = Object.values(filter).some((value) => value !== undefined);
  return (
    <div className="page actors-page">
      <div className="page-head">
        <h1>Actors</h1>
        <div className="actor-header-deeds">
          <ProfileButtons />
          <button type="button" className="button" onClick={() => void list.refetch()}>
            <RefreshIcon />
            Refresh
          </button>
        </div>
      </div>
      <Filters filter={filter} onFilter={onFilter} />
      <Counts filter={filter} />
      {list.isPending && <Loading label="Loading actors" rows={6} />}
      {list.isError && (
        <ErrorNotice
          error={list.error}
          title="The list is not up to date."
          onRetry={() => void list.refetch()}
        />
      )}
      {unanswered.size > 0 && (
        <div className="notice notice-warning" role="status">
          No answer from {[...unanswered].join(", ")}: actors that are awake there are shown as asleep.
        </div>
      )}
      {actors?.length === 0 &&
        (filtered ? (
          <Empty title="No actors match">
            <button type="button" className="link-button" onClick={() => onFilter({})}>
              Show all actors
            </button>
          </Empty>
        ) : (
          <Empty title="No actors yet">An actor is created by the first call to its key.</Empty>
        ))}
      {actors !== undefined && actors.length > 0 && (
        <ul className="actor-list" aria-label="Actors">
          {actors.map((actor) => (
            <ActorRow key={actor.id} actor={actor} />
          ))}
        </ul>
      )}
      <MoreButton pages={list} label="Show more actors" />
    </div>
  );
}

function Filters({
  filter,
  onFilter,
}: {
  readonly filter: ActorFilter;
  readonly onFilter: (filter: ActorFilter) => void;
}) {
  const { data: names = [] } = useQuery(actorNamesQuery());
  const [prefix, setPrefix] = useState(filter.prefix ?? "");
  const settled = useDebounced(prefix, 250);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only what was typed changes the filter here.
  useEffect(() => {
    if (settled !== (filter.prefix ?? ""))
      onFilter({ ...filter, prefix: settled === "" ? undefined : settled });
  }, [settled]);
  // "Show all actors" clears it from outside.
  useEffect(() => {
    if (filter.prefix === undefined) setPrefix("");
  }, [filter.prefix]);
  const name = filter.name ?? "";
  return (
    <search className="actor-filters">
      <SelectField
        label="Name"
        value={name}
        onChange={(value) => onFilter({ ...filter, name: value === "" ? undefined : value })}
      >
        <option value="">All names</option>
        {[...new Set([...names, ...(name === "" ? [] : [name])])].sort().map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </SelectField>
      <TextField label="Key begins with" type="search" value={prefix} onChange={setPrefix} />
      <SelectField
        label="Status"
        value={filter.status ?? ""}
        onChange={(value) =>
          onFilter({ ...filter, status: value === "" ? undefined : (value as ActorStatus) })
        }
      >
        <option value="">Any status</option>
        <option value="running">Awake</option>
        <option value="sleeping">Asleep</option>
      </SelectField>
    </search>
  );
}

function Counts({ filter }: { readonly filter: ActorFilter }) {
  const { status: _, ...any } = filter;
  const all = useQuery(actorCountQuery(filter));
  const awake = useQuery(actorCountQuery({ ...any, status: "running" }));
  return (
    <p className="actor-counts muted" role="status">
      {all.data === undefined || awake.data === undefined
        ? "\u00a0"
        : filter.status === undefined
          ? `${formatCount(all.data)} ${all.data === 1 ? "actor" : "actors"}, ${formatCount(awake.data)} awake`
          : `${formatCount(all.data)} ${filter.status === "running" ? "awake" : "asleep"}`}
    </p>
  );
}

function ActorRow({ actor }: { readonly actor: ActorSummary }) {
  return (
    <li className="linked-row actor-row" data-actor={actor.id}>
      <ActorStatusPill status={actor.status} />
      <Link
        to="/inspector/$name/$actorId"
        params={{ name: actor.name, actorId: actor.id }}
        className="linked-row-title actor-row-title"
      >
        <span className="actor-row-name">{actor.name}</span>{" "}
        <span className={actor.key.length === 0 ? "muted" : "mono"}>{formatKey(actor.key)}</span>
      </Link>
      <span className="actor-row-fact">
        {actor.wakeAt !== undefined && <span title={formatDateTime(actor.wakeAt)}>has an alarm</span>}
      </span>
      <span className="actor-row-fact">
        made <TimeAgo at={actor.createdAt} />
      </span>
    </li>
  );
}

import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, TimeAgo } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { GroupView } from "../../contract.ts";
import { useApi } from "../shared/context.ts";
import { groupsQuery } from "./live.ts";

const shownEvents = 5;

/** The groups of the machine, whose agents are started by events. */
export function Groups() {
  const query = useQuery(groupsQuery(useApi()));
  if (query.isError) return <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />;
  if (query.data === undefined || query.data.length === 0) return null;
  return (
    <section aria-labelledby="groups-heading" className="schedule-groups">
      <h2 id="groups-heading">Groups</h2>
      <p className="muted small">Agents that are started by events. They are set up in groups.json.</p>
      {query.data.map((group) => (
        <Group key={group.name} group={group} />
      ))}
    </section>
  );
}

function Group({ group: { name, description, agent, waiting, events } }: { readonly group: GroupView }) {
  return (
    <article className="schedule" aria-label={name}>
      <h3>{name}</h3>
      <p className="muted small">
        {description !== "" && `${visibleText(description)} · `}
        {agent} · {waiting} waiting
      </p>
      {events.length > 0 && (
        <ul className="schedule-runs" aria-label={`Newest events of ${name}`}>
          {events.slice(0, shownEvents).map(({ seq, title, source, state, taskId, receivedAt, error }) => (
            <li key={seq}>
              <TimeAgo at={receivedAt} /> <span className="tag">{state}</span> {source}:{" "}
              {taskId === undefined ? (
                visibleText(title)
              ) : (
                <Link to="/tasks/$taskId" params={{ taskId }}>
                  {visibleText(title)}
                </Link>
              )}
              {error !== undefined && <span className="schedule-failed"> {visibleText(error.message)}</span>}
            </li>
          ))}
        </ul>
      )}
    </article>
  );
}

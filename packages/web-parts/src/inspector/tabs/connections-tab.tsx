import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ConfirmButton, Empty, useRows } from "../../index.ts";
import { useOpenActor } from "../api/context.ts";
import type { Connection } from "../api/types.ts";
import { Value } from "../parts/value.tsx";

/** The connections of the actor and their details. */
export function ConnectionsTab() {
  const { actor } = useOpenActor();
  const { rows, more } = useRows(actor.connections);
  return (
    <>
      <div className="panel-head">
        <h2>Connections</h2>
      </div>
      {actor.connections.length === 0 ? (
        <Empty title="No connections">Clients appear here as they connect.</Empty>
      ) : (
        <ul className="rows">
          {rows.map((connection) => (
            <ConnectionRow key={connection.id} connection={connection} />
          ))}
        </ul>
      )}
      {more}
    </>
  );
}

function ConnectionRow({ connection: { id, type, details } }: { readonly connection: Connection }) {
  const { api } = useOpenActor();
  return (
    <li className="row" data-connection={id}>
      <div className="row-main">
        <p className="row-title">
          <code>{id}</code> <span className="tag">{type}</span>{" "}
          {details.isHibernatable && <span className="tag">survives sleep</span>}
        </p>
        <dl className="row-facts">
          <dt>Parameters</dt>
          <dd>
            <Value value={details.params ?? null} label="Parameters" />
          </dd>
          {details.stateEnabled && (
            <>
              <dt>State</dt>
              <dd>
                <Value value={details.state ?? null} label="State" />
              </dd>
            </>
          )}
          <dt>Events</dt>
          <dd>
            {details.events === undefined
              ? details.subscriptions
              : details.events.map(visibleText).join(", ") || "none"}
          </dd>
          {details.rooms.length > 0 && (
            <>
              <dt>Rooms</dt>
              <dd>{details.rooms.map(visibleText).join(", ")}</dd>
            </>
          )}
        </dl>
      </div>
      <ConfirmButton
        label="Disconnect"
        accessibleLabel={`Disconnect ${id}`}
        title="Disconnect this client?"
        confirmLabel="Disconnect"
        onConfirm={() => api.disconnect(id)}
      >
        <p>A Holdfast client does not reconnect by itself after this.</p>
      </ConfirmButton>
    </li>
  );
}

import { formatDateTime } from "@holdfast/web-parts/format";
import type { Session } from "../../api/types.ts";

/** All fields of a session that the server reports. */
export function SessionDetails({ session }: { readonly session: Session }) {
  const { modes, models, configOptions, createdAt, updatedAt, archivedAt, ...plain } = session;
  const rows = Object.entries(plain).filter(([, value]) => value !== undefined);
  return (
    <div className="page-inner">
      <dl className="facts">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <code>{String(value)}</code>
            </dd>
          </div>
        ))}
        <div>
          <dt>created</dt>
          <dd>{formatDateTime(createdAt)}</dd>
        </div>
        <div>
          <dt>updated</dt>
          <dd>{formatDateTime(updatedAt)}</dd>
        </div>
        {archivedAt !== undefined && (
          <div>
            <dt>archived</dt>
            <dd>{formatDateTime(archivedAt)}</dd>
          </div>
        )}
      </dl>
      <AgentData title="Modes" value={modes} />
      <AgentData title="Models" value={models} />
      <AgentData title="Config options" value={configOptions} />
    </div>
  );
}

function AgentData({ title, value }: { readonly title: string; readonly value: unknown }) {
  if (value === undefined || value === null) return null;
  return (
    <details className="told">
      <summary>{title} reported by the agent</summary>
      <pre>{JSON.stringify(value, null, 2)}</pre>
    </details>
  );
}

import { CheckIcon, CrossIcon, ErrorNotice, Loading, RefreshIcon, WarningIcon } from "@holdfast/web-parts";
import { formatClock } from "@holdfast/web-parts/format";
import { useMutation, useQuery } from "@tanstack/react-query";
import type { ConnectionView } from "../../contract/administration.ts";
import { Command } from "../shared/command.tsx";
import { useApi } from "../shared/context.ts";
import { connectionsQuery } from "./queries.ts";
import { SettingsPage } from "./settings-page.tsx";

const kinds = [
  ["model", "Model providers"],
  ["jail", "Jails"],
  ["store", "Store"],
  ["mail", "Mail"],
  ["sign-in", "Sign-in"],
  ["payments", "Payments"],
] as const;

/** What the Studio depends on, each with a check. */
export function ConnectionsScreen() {
  const query = useQuery(connectionsQuery(useApi()));
  const { data } = query;
  return (
    <SettingsPage title="Connections" needs="machine">
      {query.isPending && <Loading label="Loading connections" rows={5} />}
      {query.isError && data === undefined && (
        <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
      )}
      {data !== undefined &&
        kinds
          .filter(([kind]) => data.some((each) => each.kind === kind))
          .map(([kind, name]) => (
            <section key={kind} aria-label={name}>
              <h2>{name}</h2>
              <ul className="rows">
                {data
                  .filter((each) => each.kind === kind)
                  .map((connection) => (
                    <Row key={connection.id} connection={connection} />
                  ))}
              </ul>
            </section>
          ))}
    </SettingsPage>
  );
}

function Row({ connection }: { readonly connection: ConnectionView }) {
  const api = useApi();
  const check = useMutation({ mutationFn: () => api.administration.checkConnection(connection.id) });
  const { id, name, detail, fix, isSetUp } = connection;
  const { data } = check;
  return (
    <li className="row connection-row" data-connection={id}>
      <div className="row-main">
        <p className="row-title">{name}</p>
        <p className="muted">{detail}</p>
        {fix !== undefined && <Command text={fix} />}
        <div aria-live="polite">
          {data !== undefined && (
            <p
              className={data.isWorking ? "connection-ok" : "connection-failed"}
              data-outcome={data.isWorking}
            >
              {data.isWorking ? <CheckIcon /> : <CrossIcon />}
              {data.isWorking ? "Works" : "Does not work"}: {data.detail} ({data.durationMs} ms, at{" "}
              {formatClock(data.checkedAt)})
            </p>
          )}
        </div>
        {check.isError && <ErrorNotice error={check.error} title="It was not checked." />}
      </div>
      {isSetUp ? (
        <button
          type="button"
          className="button button-small"
          aria-label={`${check.isPending ? "Checking…" : "Check now"}: ${name}`}
          disabled={check.isPending}
          onClick={() => check.mutate()}
        >
          <RefreshIcon />
          {check.isPending ? "Checking…" : "Check now"}
        </button>
      ) : (
        <span className="muted connection-absent">
          <WarningIcon /> Not set up
        </span>
      )}
    </li>
  );
}

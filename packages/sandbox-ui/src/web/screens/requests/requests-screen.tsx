/** Log of what this page has requested. */
import { Empty, usePageTitle } from "@holdfast/web-parts";
import { formatCount } from "@holdfast/web-parts/format";
import { useState, useSyncExternalStore } from "react";
import { useApi } from "../../api/context.ts";
import { type LoggedRequest, maxRequests } from "../../api/requests/request-log.ts";
import { type ListFilter, ListFilters } from "../list-filters.tsx";
import { matchesFilter, type RequestKind, requestKinds } from "./request-filter.ts";
import { RequestRow } from "./request-row.tsx";

export function RequestsScreen() {
  usePageTitle("Requests");
  const { requests: log } = useApi();
  const live = useSyncExternalStore(log.subscribe, log.snapshot);
  /** What was there when the list was paused. */
  const [paused, setPaused] = useState<readonly LoggedRequest[]>();
  const [filter, setFilter] = useState<ListFilter<RequestKind>>({ kind: "all", search: "" });
  const requests = paused ?? live;
  const shown = requests.filter((request) => matchesFilter(request, filter)).toReversed();
  return (
    <div className="page requests-page">
      <div className="page-head">
        <h1>Requests</h1>
        <div className="actions">
          <button
            type="button"
            className="button button-small"
            aria-pressed={paused !== undefined}
            onClick={() => setPaused(paused === undefined ? live : undefined)}
          >
            Pause
          </button>
          <button
            type="button"
            className="button button-small"
            disabled={requests.length === 0}
            onClick={() => {
              log.clear();
              setPaused(undefined);
            }}
          >
            Clear
          </button>
        </div>
      </div>
      <p className="muted small">
        What this page has requested since it was loaded, at most {formatCount(maxRequests)} requests. Tokens
        are not kept.
      </p>
      <ListFilters
        label="Show"
        kinds={requestKinds}
        placeholder="Method, path or status"
        value={filter}
        onChange={setFilter}
      />
      <p className="muted small" data-testid="request-count">
        {formatCount(shown.length)} of {formatCount(requests.length)} requests
        {paused !== undefined && ", paused"}
      </p>
      {shown.length === 0 ? (
        <Empty title={requests.length === 0 ? "No requests yet." : "No requests match the filter."} />
      ) : (
        <RequestTable requests={shown} />
      )}
    </div>
  );
}

function RequestTable({ requests }: { readonly requests: readonly LoggedRequest[] }) {
  return (
    <div className="table-box requests">
      <table className="table" data-testid="requests">
        <thead>
          <tr>
            <th scope="col">Request</th>
            <th scope="col">Status</th>
            <th scope="col" className="number">
              Duration
            </th>
            <th scope="col" className="number">
              Size
            </th>
            <th scope="col">Time</th>
            <th scope="col">
              <span className="visually-hidden">Command</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {requests.map((request) => (
            <RequestRow key={request.id} request={request} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { useQuery } from "@tanstack/react-query";
import { formatClock } from "../../format.ts";
import { Empty, ErrorNotice, Loading, RefreshIcon } from "../../index.ts";
import { useOpenActor } from "../api/context.ts";
import { tracesQuery } from "../api/queries.ts";
import type { Span } from "../api/types.ts";
import { Value } from "../parts/value.tsx";

/** Recent operations of the actor and their durations, newest first. */
export function TracesTab() {
  const { address } = useOpenActor();
  const query = useQuery(tracesQuery(address));
  const spans = query.data?.spans.toSorted((a, b) => b.startMs - a.startMs);
  const longest = Math.max(1, ...(spans ?? []).map((span) => span.durationMs));
  return (
    <>
      <div className="panel-head">
        <h2>Traces</h2>
        <button type="button" className="button button-small" onClick={() => void query.refetch()}>
          <RefreshIcon />
          Refresh
        </button>
      </div>
      {query.isPending && <Loading label="Loading traces" rows={4} />}
      {query.isError && <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />}
      {spans?.length === 0 && <Empty title="No traces yet">Calls and wakes appear here.</Empty>}
      {spans !== undefined && spans.length > 0 && (
        <ul className="rows">
          {spans.map((span, index) => (
            <SpanRow key={index} span={span} longest={longest} />
          ))}
        </ul>
      )}
      {query.data?.clamped === true && <p className="muted small">Only the latest are kept.</p>}
    </>
  );
}

function SpanRow({ span, longest }: { readonly span: Span; readonly longest: number }) {
  const { actorId: _, ...attributes } = span.attributes;
  return (
    <li className="row" data-span={span.name}>
      <div className="row-main">
        <p className="row-title">
          {visibleText(span.name)} {!span.ok && <span className="tag tag-unsafe">failed</span>}
        </p>
        <p className="row-meta">
          {formatClock(span.startMs)}, {span.durationMs.toFixed(span.durationMs < 10 ? 1 : 0)} ms
        </p>
        {span.error !== undefined && <p className="row-error">{visibleText(String(span.error))}</p>}
        {Object.keys(attributes).length > 0 && (
          <Value value={attributes} label={`Attributes of ${span.name}`} />
        )}
      </div>
      <meter
        className="span-meter"
        min={0}
        max={longest}
        value={span.durationMs}
        aria-label={`Share of the longest: ${span.name}`}
      />
    </li>
  );
}

import { useNow } from "@holdfast/web-parts";
import { formatCompact, formatCount, formatDuration } from "@holdfast/web-parts/format";
import { Link } from "@tanstack/react-router";
import type { TaskView } from "../../contract.ts";
import type { Transcript } from "../../transcript.ts";
import { costText } from "../../usage/cost-text.ts";
import { hasAgent, statusLabel } from "../shared/status.tsx";
import type { SessionLogState } from "./transcript/session-log.ts";

/** Duration of the current or last turn, and usage so far. */
export function StatusLine({ task, log }: { readonly task: TaskView; readonly log: SessionLogState }) {
  const busy = hasAgent(task);
  const now = useNow(1_000, busy);
  const turn = findLastTurn(log.transcript);
  const elapsed =
    turn === undefined ? undefined : (busy ? now : (turn.endedAt ?? turn.startedAt)) - turn.startedAt;
  const { usage } = task;
  const { context } = log.transcript;
  return (
    <dl className="status-line">
      <div>
        <dt>{statusLabel(task.status)}</dt>
        <dd>{elapsed === undefined ? "" : formatDuration(elapsed)}</dd>
      </div>
      {usage.requests > 0 && (
        <>
          <div title={`${formatCount(usage.inputTokens)} tokens read by the model`}>
            <dt>Tokens in</dt>
            <dd>{formatCompact(usage.inputTokens)}</dd>
          </div>
          <div title={`${formatCount(usage.outputTokens)} tokens written by the model`}>
            <dt>out</dt>
            <dd>{formatCompact(usage.outputTokens)}</dd>
          </div>
          <div>
            <dt>Model requests</dt>
            <dd>{formatCount(usage.requests)}</dd>
          </div>
        </>
      )}
      {usage.costMicros !== undefined && usage.requests > 0 && (
        <div title="Cost of the model calls, by the prices of the page Usage">
          <dt>Cost</dt>
          <dd data-testid="cost">
            <Link to="/usage" search={{ by: "model", of: "task", key: task.id }}>
              {costText({ costMicros: usage.costMicros, unpricedRequests: usage.unpricedRequests ?? 0 })}
            </Link>
          </dd>
        </div>
      )}
      {context !== undefined && context.size > 0 && context.used > 0 && (
        <div>
          <dt>Context</dt>
          <dd>{Math.round((100 * context.used) / context.size)} %</dd>
        </div>
      )}
      <div className="status-line-head" title="Events in the session's log">
        <dt>Events</dt>
        <dd data-testid="head">{formatCount(log.transcript.head)}</dd>
      </div>
    </dl>
  );
}

/** The latest prompt and the end of its turn. */
function findLastTurn(
  transcript: Transcript,
): { startedAt: number; endedAt: number | undefined } | undefined {
  let endedAt: number | undefined;
  for (let index = transcript.items.length - 1; index >= 0; index -= 1) {
    const item = transcript.items[index];
    if (item === undefined) continue;
    if (item.type === "prompt") return { startedAt: item.at, endedAt };
    endedAt ??= item.at;
  }
  return undefined;
}

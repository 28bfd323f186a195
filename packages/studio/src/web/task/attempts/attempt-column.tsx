import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, Loading, StopIcon, useAnnounce, useNow } from "@holdfast/web-parts";
import { formatCompact, formatCount, formatDuration } from "@holdfast/web-parts/format";
import { useMutation, useQuery } from "@tanstack/react-query";
import type { DiffView, TaskSessionView, TaskView } from "../../../contract.ts";
import { costText } from "../../../usage/cost-text.ts";
import { useApi } from "../../shared/context.ts";
import { isBusy, StatusPill } from "../../shared/status.tsx";
import { CheckResults } from "./attempt-checks.tsx";
import { attemptChecksQuery, attemptDiffQuery } from "./queries.ts";

/** Files of a column. The others are counted. */
const filesShown = 8;

/** One attempt: how it stands, what it took, and what it changed. */
export function AttemptColumn({
  task,
  session,
  number,
  isShown,
  onOpen,
  onDiff,
  onKeep,
}: {
  readonly task: TaskView;
  readonly session: TaskSessionView;
  readonly number: number;
  /** True while its changes are shown below. */
  readonly isShown: boolean;
  readonly onOpen: () => void;
  readonly onDiff: () => void;
  readonly onKeep: () => void;
}) {
  const api = useApi();
  const announce = useAnnounce();
  const diff = useQuery(attemptDiffQuery(api, task.id, session));
  const checks = useQuery(attemptChecksQuery(api, task.id)).data?.[session.id];
  const stop = useMutation({
    mutationFn: () => api.task(task.id).stop({ session: session.id }),
    onMutate: () => announce("Stopping."),
  });
  const name = visibleText(session.name);
  const busy = isBusy(session.status);
  return (
    <section
      className={isShown ? "attempt attempt-shown" : "attempt"}
      data-attempt={session.id}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: its keys need the focus.
      tabIndex={0}
      aria-label={`Attempt ${number}: ${name}`}
    >
      <header className="attempt-head">
        <h2>{name}</h2>
        <StatusPill status={session.status} />
      </header>
      {session.error !== undefined && <p className="attempt-error">{visibleText(session.error.message)}</p>}
      {session.approvals.length > 0 && (
        <p>
          <button type="button" className="button button-small" onClick={onOpen}>
            Answer {formatCount(session.approvals.length)}{" "}
            {session.approvals.length === 1 ? "question" : "questions"}
          </button>
        </p>
      )}
      <dl className="attempt-facts">
        <dt>Agent</dt>
        <dd>
          {session.agent}
          {Object.values(session.options ?? {}).map((choice) => (
            <span key={choice} className="tag">
              {visibleText(choice)}
            </span>
          ))}
        </dd>
        <dt>Time</dt>
        <dd>
          <Elapsed session={session} />
        </dd>
        <dt>Tokens</dt>
        <dd>
          {formatCompact(session.usage.inputTokens)} in, {formatCompact(session.usage.outputTokens)} out
        </dd>
        <dt>Cost</dt>
        <dd>{costOf(session)}</dd>
        <dt>Changes</dt>
        <dd>{diff.data === undefined ? "" : totalsOf(diff.data)}</dd>
      </dl>
      {diff.isError && <ErrorNotice error={diff.error} title="The changes could not be read." />}
      {session.status !== "preparing" && diff.isPending && <Loading label="Reading the changes" rows={2} />}
      {diff.data !== undefined && <Files diff={diff.data} />}
      {checks !== undefined && <CheckResults checks={checks} tree={diff.data?.tree} />}
      {stop.isError && <ErrorNotice error={stop.error} title="The attempt was not stopped." />}
      <div className="attempt-actions">
        <button
          type="button"
          className="button button-small button-primary"
          disabled={busy}
          aria-label={`Keep ${name}`}
          onClick={onKeep}
        >
          Keep
        </button>
        <button
          type="button"
          className="button button-small"
          aria-pressed={isShown}
          aria-label={`Changes of ${name}`}
          onClick={onDiff}
        >
          Changes
        </button>
        <button type="button" className="button button-small" aria-label={`Open ${name}`} onClick={onOpen}>
          Open
        </button>
        {busy && (
          <button
            type="button"
            className="button button-small"
            disabled={stop.isPending}
            aria-label={`Stop ${name}`}
            onClick={() => stop.mutate()}
          >
            <StopIcon />
            Stop
          </button>
        )}
      </div>
    </section>
  );
}

/** From its newest prompt to the end of its turn, or until now. */
function Elapsed({ session }: { readonly session: TaskSessionView }) {
  const busy = isBusy(session.status);
  const now = useNow(1_000, busy);
  const { promptedAt, endedAt } = session;
  if (promptedAt === undefined || (!busy && endedAt === undefined)) return "";
  return formatDuration(Math.max(0, (busy ? now : (endedAt ?? promptedAt)) - promptedAt));
}

/** What its calls of models have cost, as far as that is known. */
function costOf({
  usage: { requests, costMicros = 0, unpricedRequests = requests },
}: TaskSessionView): string {
  return costText({ costMicros, unpricedRequests });
}

function totalsOf({ files, truncated }: DiffView): string {
  if (files.length === 0) return "none";
  const sum = (of: "additions" | "deletions") =>
    formatCount(files.reduce((total, file) => total + file[of], 0));
  const count = `${formatCount(files.length)}${truncated ? " or more" : ""} ${files.length === 1 ? "file" : "files"}`;
  return `+${sum("additions")} −${sum("deletions")} in ${count}`;
}

function Files({ diff: { files } }: { readonly diff: DiffView }) {
  if (files.length === 0) return null;
  const rest = files.length - filesShown;
  return (
    <ul className="attempt-files">
      {files.slice(0, filesShown).map(({ path, additions, deletions, binary }) => (
        <li key={path}>
          <span className="attempt-path" title={visibleText(path)}>
            {visibleText(path)}
          </span>
          <span className="muted">{binary ? "binary" : `+${additions} −${deletions}`}</span>
        </li>
      ))}
      {rest > 0 && <li className="muted">and {formatCount(rest)} more</li>}
    </ul>
  );
}

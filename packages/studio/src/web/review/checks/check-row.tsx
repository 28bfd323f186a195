import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ChevronIcon, SendIcon, TimeAgo, useAnnounce } from "@holdfast/web-parts";
import { useEffect, useState } from "react";
import type { CheckProblem, CheckRun, CheckRunState, CheckView, TaskView } from "../../../contract.ts";
import { isBusy } from "../../shared/status.tsx";
import type { ChecksControls } from "./checks-query.ts";
import { Peek } from "./peek.tsx";
import type { Place } from "./place.ts";
import { checkId } from "./reveal-check.ts";

const labels = {
  waiting: "waiting",
  running: "running",
  passed: "passed",
  failed: "failed",
  "timed-out": "timed out",
  stopped: "stopped",
  interrupted: "interrupted",
} as const satisfies Readonly<Record<CheckRunState, string>>;

export function isOpen({ state }: Pick<CheckRun, "state">): boolean {
  return state === "waiting" || state === "running";
}

function isFailure({ state }: Pick<CheckRun, "state">): boolean {
  return state === "failed" || state === "timed-out";
}

/** One check: its newest result, and what can be done with it. */
export function CheckRow({
  task,
  check,
  controls: { run, send },
  onShow,
  onOpenFile,
}: {
  readonly task: TaskView;
  readonly check: CheckView;
  readonly controls: ChecksControls;
  readonly onShow: (place: Place) => boolean;
  readonly onOpenFile: (place: Place) => void;
}) {
  const announce = useAnnounce();
  const [newest] = check.runs;
  const [shown, setShown] = useState<boolean>();
  const state = newest?.state;
  useEffect(() => {
    if (state === "passed" || state === "failed" || state === "timed-out")
      announce(`${check.name}: ${labels[state]}`);
  }, [announce, check.name, state]);
  const isShown = shown ?? (newest !== undefined && (isFailure(newest) || newest.state === "running"));
  const isRunning = newest !== undefined && isOpen(newest);
  const busy = isBusy(task.status);
  return (
    <li
      className="check"
      id={checkId(check.name)}
      data-check={state ?? "none"}
      data-stale={newest?.staleAt !== undefined}
    >
      <div className="check-head">
        <button
          type="button"
          className="check-toggle"
          aria-expanded={isShown}
          onClick={() => setShown(!isShown)}
        >
          <ChevronIcon />
          <span className="check-state">{state === undefined ? "not run" : labels[state]}</span>
          <span className="check-name">{check.name}</span>
          {newest !== undefined && <CheckFacts run={newest} check={check} />}
        </button>
        {newest !== undefined && isFailure(newest) && (
          <button
            type="button"
            className="button button-small button-primary"
            disabled={send.isPending || newest.sentAt !== undefined}
            onClick={() =>
              send.mutate(check.name, { onSuccess: () => announce("The failure was sent to the agent.") })
            }
          >
            <SendIcon />
            {newest.sentAt === undefined ? "Send to the agent" : "Sent"}
            <span className="visually-hidden"> the failure of {check.name}</span>
          </button>
        )}
        <button
          type="button"
          className="button button-small"
          disabled={busy || isRunning || run.isPending}
          onClick={() => run.mutate([check.name])}
        >
          Run<span className="visually-hidden"> {check.name}</span>
        </button>
      </div>
      {isShown && (
        <div className="check-body">
          <p className="field-help">
            <code>{visibleText(check.run.trim())}</code>
          </p>
          {newest?.state === "interrupted" && (
            <p className="field-warning">The server stopped while this ran. Run it again.</p>
          )}
          {newest !== undefined && newest.problems.length > 0 && (
            <Problems task={task} run={newest} onShow={onShow} onOpenFile={onOpenFile} />
          )}
          {newest !== undefined && <Output name={check.name} run={newest} />}
        </div>
      )}
    </li>
  );
}

/** On which state of the files, and since when that is no longer theirs. */
function CheckFacts({ run, check }: { readonly run: CheckRun; readonly check: CheckView }) {
  const passed = check.runs.find((each) => each.state === "passed" && each.staleAt === undefined);
  return (
    <span className="check-facts muted">
      {isFailure(run) && run.reason !== undefined && <span>{run.reason}</span>}
      {run.endedAt !== undefined && run.startedAt !== undefined && (
        <span>{Math.max(0.1, Math.round((run.endedAt - run.startedAt) / 100) / 10)} s</span>
      )}
      {run.isMoved === true && <span className="tag tag-attention">files changed while it ran</span>}
      {run.staleAt !== undefined && (
        <span className="tag tag-attention">
          stale since <TimeAgo at={run.staleAt} />
        </span>
      )}
      {passed !== undefined && passed !== run && <span className="tag">these files passed before</span>}
      {run.state === "passed" && run.staleAt === undefined && run.isMoved !== true && (
        <span>on these files</span>
      )}
    </span>
  );
}

function Problems({
  task,
  run,
  onShow,
  onOpenFile,
}: {
  readonly task: TaskView;
  readonly run: CheckRun;
  readonly onShow: (place: Place) => boolean;
  readonly onOpenFile: (place: Place) => void;
}) {
  const [peeked, setPeeked] = useState<CheckProblem>();
  return (
    <ul className="check-problems" aria-label="Places in the output">
      {run.problems.map((problem) => {
        const { path, line, message } = problem;
        const isPeeked = peeked === problem;
        return (
          <li key={`${path}:${line}`}>
            <button
              type="button"
              className="link-button mono"
              onClick={() => {
                if (!onShow({ path, line })) setPeeked(isPeeked ? undefined : problem);
              }}
            >
              {visibleText(path)}:{line}
            </button>{" "}
            <span className="muted">{visibleText(message)}</span>{" "}
            <button type="button" className="link-button" onClick={() => onOpenFile({ path, line })}>
              Edit
              <span className="visually-hidden">
                {" "}
                {visibleText(path)}, line {line}
              </span>
            </button>
            {isPeeked && run.tree !== undefined && <Peek taskId={task.id} tree={run.tree} place={problem} />}
          </li>
        );
      })}
    </ul>
  );
}

function Output({ name, run }: { readonly name: string; readonly run: CheckRun }) {
  if (run.output === "")
    return <p className="field-help">{isOpen(run) ? "No output yet." : "It wrote nothing."}</p>;
  return (
    <>
      {run.outputEnd > run.output.length && <p className="field-help">The end of the output:</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard. */}
      <pre className="check-output" tabIndex={0} role="log" aria-label={`Output of ${name}`}>
        {visibleText(withoutColors(run.output))}
      </pre>
    </>
  );
}

/** Without the sequences that colour a terminal. */
function withoutColors(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences begin with one.
  return text.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, "");
}

import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ConfirmButton, ErrorNotice, TimeAgo, useAnnounce } from "@holdfast/web-parts";
import { formatDateTime } from "@holdfast/web-parts/format";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { ScheduleRun, ScheduleView } from "../../contract.ts";
import { useApi } from "../shared/context.ts";
import { useCronWords } from "./cron-words.ts";
import { eventText } from "./event-field.tsx";
import { ScheduleForm } from "./schedule-form.tsx";

const shownRuns = 5;

/** One schedule: when it runs, what its last runs did, and what can be done with it. */
export function ScheduleCard({
  schedule,
  repository,
}: {
  readonly schedule: ScheduleView;
  /** The name of its repository. */
  readonly repository: string;
}) {
  const { schedules } = useApi();
  const announce = useAnnounce();
  const words = useCronWords(schedule.cron);
  const [isEditing, setEditing] = useState(false);
  const pause = useMutation({ mutationFn: () => schedules.pause(schedule.id, !schedule.isPaused) });
  const run = useMutation({
    mutationFn: () => schedules.run(schedule.id),
    onSuccess: ({ error }) => announce(error === undefined ? "The task is started." : "The run has failed."),
  });
  const error = pause.error ?? run.error;
  if (isEditing) return <ScheduleForm schedule={schedule} onDone={() => setEditing(false)} />;
  const { name, cron, timezone, on, agent, prompt, isPaused, nextAt, runs } = schedule;
  return (
    <article className="schedule" aria-label={visibleText(name)} data-schedule={schedule.id}>
      <div className="schedule-head">
        <h2>{visibleText(name)}</h2>
        {isPaused && <span className="tag">paused</span>}
      </div>
      <p>
        {on !== undefined && `${visibleText(eventText(on))}. `}
        {words === "" || on !== undefined ? "" : `${words}. `}
        <span className="muted small">
          {on === undefined && (
            <>
              <code>{cron}</code> in {timezone} ·{" "}
            </>
          )}
          {agent} in {visibleText(repository)}
        </span>
      </p>
      <p className="schedule-prompt">{visibleText(prompt)}</p>
      {nextAt.length > 0 && (
        <p className="muted small" data-next>
          Next, in your time: {nextAt.map(formatDateTime).join("; ")}
        </p>
      )}
      {runs.length > 0 && (
        <ul className="schedule-runs" aria-label="Last runs">
          {runs.slice(0, shownRuns).map((each) => (
            <RunLine key={each.id} run={each} />
          ))}
        </ul>
      )}
      {error !== null && <ErrorNotice error={error} title="That was not possible." />}
      <div className="schedule-buttons">
        <button
          type="button"
          className="button button-small"
          disabled={run.isPending}
          onClick={() => run.mutate()}
        >
          Run now
        </button>
        <button
          type="button"
          className="button button-small"
          disabled={pause.isPending}
          onClick={() => pause.mutate()}
        >
          {isPaused ? "Continue" : "Pause"}
        </button>
        <button type="button" className="button button-small" onClick={() => setEditing(true)}>
          Edit
        </button>
        <ConfirmButton
          className="button button-small"
          label="Delete"
          title={`Delete ${name}?`}
          confirmLabel="Delete schedule"
          onConfirm={() => schedules.remove(schedule.id)}
        >
          It starts no more tasks. The tasks that it has started stay.
        </ConfirmButton>
      </div>
    </article>
  );
}

function RunLine({ run: { at, cause, taskId, error } }: { readonly run: ScheduleRun }) {
  return (
    <li>
      <TimeAgo at={at} />
      {cause === "person" && <span className="muted"> by hand</span>}{" "}
      {taskId !== undefined && (
        <Link to="/tasks/$taskId" params={{ taskId }}>
          Open the task
        </Link>
      )}
      {error !== undefined && (
        <span className="schedule-failed">
          Failed: {visibleText(error.message)} <code>{`${error.group}.${error.code}`}</code>
        </span>
      )}
    </li>
  );
}

import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { formatClock, formatDateTime, formatDuration } from "../../format.ts";
import { ConfirmButton, Empty, ErrorNotice, Loading, useAnnounce } from "../../index.ts";
import { useOpenActor } from "../api/context.ts";
import { scheduleHistoryQuery, schedulesQuery, useActorMutation } from "../api/queries.ts";
import type { CronFire, DeadSchedule, Schedule } from "../api/types.ts";
import { Value } from "../parts/value.tsx";

/** The actor's schedules, and the results of their runs. */
export function SchedulesTab() {
  const { address } = useOpenActor();
  const query = useQuery(schedulesQuery(address));
  const view = query.data;
  return (
    <>
      <div className="panel-head">
        <h2>Schedules</h2>
      </div>
      {query.isPending && <Loading label="Loading schedules" />}
      {query.isError && <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />}
      {view?.schedules.length === 0 && (
        <Empty title="No schedules">Schedules created with c.schedule and c.cron appear here.</Empty>
      )}
      {view !== undefined && view.schedules.length > 0 && (
        <ul className="rows">
          {view.schedules.map((schedule) => (
            <ScheduleRow key={schedule.id} schedule={schedule} />
          ))}
        </ul>
      )}
      {view !== undefined && view.deadLetters.length > 0 && (
        <>
          <h3>Given up</h3>
          <ul className="rows">
            {view.deadLetters.map((dead) => (
              <DeadRow key={dead.id} dead={dead} />
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function cadence(schedule: Schedule): string {
  switch (schedule.kind) {
    case "at":
      return "once";
    case "every":
      return `every ${formatDuration(schedule.interval ?? 0)}`;
    case "cron":
      return `${schedule.expression} ${schedule.timezone ?? ""}`;
  }
}

function ScheduleRow({ schedule }: { readonly schedule: Schedule }) {
  const { address, api } = useOpenActor();
  const announce = useAnnounce();
  const [open, setOpen] = useState(false);
  // A recurring schedule is identified by its name, any other by its id.
  const handle = schedule.name ?? schedule.id;
  const title = schedule.name ?? schedule.action;
  const action = useActorMutation(
    address,
    (verb: "run" | "pause" | "resume") => api.schedule(handle, verb),
    "schedules",
    "schedule-history",
  );
  const paused = schedule.paused === true;
  const next = schedule.nextRunAt ?? schedule.runAt;
  return (
    <li className="row row-wrap" data-schedule={handle}>
      <div className="row-main">
        <p className="row-title">
          {visibleText(title)} <span className="tag">{visibleText(cadence(schedule))}</span>{" "}
          {paused && <span className="tag tag-attention">paused</span>}{" "}
          {schedule.running && <span className="tag">running</span>}
        </p>
        <p className="row-meta">
          calls <code>{visibleText(schedule.action)}</code>
          {!paused && next !== undefined && <>, next {formatDateTime(next)}</>}
          {schedule.lastRunAt !== undefined && <>, last {formatDateTime(schedule.lastRunAt)}</>}
          {(schedule.attempts ?? 0) > 0 && <>, {schedule.attempts} attempts</>}
        </p>
        {schedule.args.length > 0 && <Value value={schedule.args} label="Arguments" />}
        {action.isError && <ErrorNotice error={action.error} />}
        {action.data?.ok === false && <p className="row-error">It is already running.</p>}
      </div>
      <div className="row-deeds">
        <button
          type="button"
          className="button button-small"
          aria-label={`Run now: ${title}`}
          disabled={action.isPending}
          onClick={() =>
            action.mutate("run", {
              onSuccess: ({ ok }) => announce(ok ? "Started." : "It is already running."),
            })
          }
        >
          Run now
        </button>
        {schedule.name !== undefined && (
          <button
            type="button"
            className="button button-small"
            aria-label={`${paused ? "Resume" : "Pause"} ${title}`}
            disabled={action.isPending}
            onClick={() => action.mutate(paused ? "resume" : "pause")}
          >
            {paused ? "Resume" : "Pause"}
          </button>
        )}
        {schedule.name !== undefined && (
          <button
            type="button"
            className="button button-small"
            aria-label={`History of ${title}`}
            aria-expanded={open}
            onClick={() => setOpen(!open)}
          >
            History
          </button>
        )}
        <ConfirmButton
          label="Delete"
          accessibleLabel={`Delete ${title}`}
          title={`Delete ${title}?`}
          confirmLabel="Delete"
          onConfirm={() => api.deleteSchedule(handle)}
        >
          <p>It does not run again, and its history is deleted.</p>
        </ConfirmButton>
      </div>
      {open && <History name={handle} />}
    </li>
  );
}

const resultLabels: Readonly<Record<CronFire["result"], string>> = {
  running: "running",
  ok: "done",
  error: "failed",
  skipped: "skipped",
};

function History({ name }: { readonly name: string }) {
  const { address } = useOpenActor();
  const query = useQuery(scheduleHistoryQuery(address, name));
  if (query.isPending) return <Loading label="Loading the history" rows={1} />;
  if (query.isError) return <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />;
  if (query.data.length === 0) return <p className="muted row-full">It has not run yet.</p>;
  return (
    <ol className="fires row-full" aria-label={`History of ${name}`}>
      {query.data.map((fire, index) => (
        <li key={index} data-result={fire.result}>
          <span className={`status status-fire-${fire.result}`}>
            <span className="status-dot" aria-hidden="true" />
            {resultLabels[fire.result]}
          </span>
          <span className="muted">
            due {formatDateTime(fire.scheduledAt)}, began {formatClock(fire.firedAt)}
            {fire.finishedAt !== undefined && <>, took {Math.max(0, fire.finishedAt - fire.firedAt)} ms</>}
          </span>
          {fire.error !== undefined && <span className="row-error">{visibleText(fire.error.message)}</span>}
        </li>
      ))}
    </ol>
  );
}

function DeadRow({ dead }: { readonly dead: DeadSchedule }) {
  const { address, api } = useOpenActor();
  const retry = useActorMutation(address, () => api.schedule(dead.id, "retry"), "schedules");
  return (
    <li className="row" data-dead-schedule={dead.id}>
      <div className="row-main">
        <p className="row-title">{visibleText(dead.action)}</p>
        <p className="row-meta">
          was due {formatDateTime(dead.scheduledAt)}, {dead.attempts} attempts, given up{" "}
          {formatDateTime(dead.failedAt)}
        </p>
        <p className="row-error">{visibleText(dead.error.message)}</p>
        {retry.isError && <ErrorNotice error={retry.error} />}
      </div>
      <button
        type="button"
        className="button button-small"
        aria-label={`Retry ${dead.action}`}
        disabled={retry.isPending}
        onClick={() => retry.mutate(undefined)}
      >
        Retry
      </button>
    </li>
  );
}

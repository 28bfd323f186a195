/** Prompts that start tasks at given times, and the groups that events start. */
import "./schedules.css";
import { Empty, ErrorNotice, Loading, PlusIcon, usePageTitle } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { baseName } from "../shared/base-name.ts";
import { useApi } from "../shared/context.ts";
import { repositoriesQuery } from "../shared/new-task/repositories.ts";
import { Groups } from "./groups.tsx";
import { schedulesQuery, useSchedulesLive } from "./live.ts";
import { ScheduleCard } from "./schedule-card.tsx";
import { ScheduleForm } from "./schedule-form.tsx";

export function SchedulesScreen() {
  const api = useApi();
  const query = useQuery(schedulesQuery(api));
  const repositories = useQuery(repositoriesQuery(api)).data ?? [];
  const [isAdding, setAdding] = useState(false);
  useSchedulesLive();
  usePageTitle("Schedules");
  const nameOf = (repository: string) =>
    repositories.find(({ id }) => id === repository)?.name ?? baseName(repository);
  return (
    <div className="page page-narrow schedules">
      <div className="page-head">
        <h1>Schedules</h1>
        {!isAdding && (
          <button type="button" className="button button-primary" onClick={() => setAdding(true)}>
            <PlusIcon />
            New schedule
          </button>
        )}
      </div>
      {isAdding && <ScheduleForm schedule={undefined} onDone={() => setAdding(false)} />}
      {query.isPending && <Loading label="Loading the schedules" rows={3} />}
      {query.isError && <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />}
      {query.data?.length === 0 && !isAdding && (
        <Empty title="No schedules">
          A schedule starts a task with the same prompt again and again: a check of dependencies every Monday,
          or an answer to each issue that gets a label, for example.
        </Empty>
      )}
      {query.data?.map((schedule) => (
        <ScheduleCard key={schedule.id} schedule={schedule} repository={nameOf(schedule.repository)} />
      ))}
      <Groups />
    </div>
  );
}

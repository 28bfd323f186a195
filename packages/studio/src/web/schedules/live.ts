import { refetchActive } from "@holdfast/web-parts/refetch-active";
import { type QueryClient, queryOptions, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { ScheduleView } from "../../contract.ts";
import { useApi } from "../shared/context.ts";
import type { StudioApi } from "../shared/port.ts";

const key = ["schedules"] as const;

export function schedulesQuery(api: StudioApi) {
  return queryOptions({ queryKey: key, queryFn: () => api.schedules.list() });
}

export function groupsQuery(api: StudioApi) {
  return queryOptions({ queryKey: ["groups"], queryFn: () => api.organization.listGroups(), staleTime: 0 });
}

/** Takes a schedule into the list that is shown. */
export function mergeSchedule(queries: QueryClient, schedule: ScheduleView): void {
  queries.setQueryData<readonly ScheduleView[]>(
    key,
    (list) =>
      list &&
      (list.some(({ id }) => id === schedule.id)
        ? list.map((each) => (each.id === schedule.id ? schedule : each))
        : [...list, schedule]),
  );
}

export function useSchedulesLive(): void {
  const api = useApi();
  const queries = useQueryClient();
  useEffect(
    () =>
      api.watchSchedules({
        on: {
          changed: (schedule) => mergeSchedule(queries, schedule),
          removed: ({ id }) =>
            queries.setQueryData<readonly ScheduleView[]>(key, (list) =>
              list?.filter((each) => each.id !== id),
            ),
        },
        onState(next) {
          if (next === "online") void refetchActive(queries, key);
        },
      }),
    [api, queries],
  );
}

import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ChecksView } from "../../../contract.ts";
import { useApi } from "../../shared/context.ts";
import type { StudioApi } from "../../shared/port.ts";
import { keepNewerChecks } from "../../shared/review/check-changes.ts";

function checksQuery(api: StudioApi, taskId: string) {
  return queryOptions({
    queryKey: ["checks", taskId],
    queryFn: () => api.task(taskId).checks(),
    structuralSharing: (known, next) => keepNewerChecks(known as ChecksView | undefined, next as ChecksView),
  });
}

/** A task's checks, and their operations. A failure goes to the session. */
export function useChecks(taskId: string, sessionId: string, isReady: boolean) {
  const api = useApi();
  const queries = useQueryClient();
  const options = checksQuery(api, taskId);
  const query = useQuery({ ...options, enabled: isReady });
  const keep = {
    onSuccess: (view: ChecksView) => {
      queries.setQueryData<ChecksView>(options.queryKey, (known) => keepNewerChecks(known, view));
    },
  };
  const task = api.task(taskId);
  const run = useMutation({ mutationFn: (names: readonly string[]) => task.runChecks(names), ...keep });
  const stop = useMutation({ mutationFn: () => task.stopChecks(), ...keep });
  const send = useMutation({ mutationFn: (name: string) => task.sendCheck(name, { session: sessionId }) });
  return { query, run, stop, send };
}

export type ChecksControls = ReturnType<typeof useChecks>;

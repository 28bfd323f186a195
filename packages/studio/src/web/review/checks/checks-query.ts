import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ChecksView } from "../../../contract.ts";
import { useApi } from "../../shared/context.ts";
import { keepNewerChecks } from "../../shared/review/check-changes.ts";
import { checksQuery } from "../../shared/review/checks-query.ts";

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

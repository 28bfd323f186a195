import { queryOptions } from "@tanstack/react-query";
import type { ChecksView } from "../../../contract.ts";
import type { StudioApi } from "../port.ts";
import { keepNewerChecks } from "./check-changes.ts";

export function checksQuery(api: StudioApi, taskId: string) {
  return queryOptions({
    queryKey: ["checks", taskId],
    queryFn: () => api.task(taskId).checks(),
    structuralSharing: (known, next) => keepNewerChecks(known as ChecksView | undefined, next as ChecksView),
  });
}

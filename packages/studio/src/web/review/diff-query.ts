import { queryOptions } from "@tanstack/react-query";
import type { StudioApi } from "../shared/port.ts";

export function diffQuery(api: StudioApi, id: string) {
  // Refetched whenever it is shown: no event reports changes.
  return queryOptions({ queryKey: ["diff", id], queryFn: () => api.task(id).diff(), staleTime: 0 });
}

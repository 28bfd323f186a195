import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

/**
 * State of a task's workspace that outlives the tab: it lasts as long as the page, in the cache of the queries.
 * `initial` must be the same object at each call.
 */
export function useTaskState<T>(
  taskId: string,
  name: string,
  initial: T,
): readonly [T, (change: (known: T) => T) => void] {
  const queries = useQueryClient();
  const { data } = useQuery<T>({
    queryKey: ["workspace", taskId, name],
    // Set by `change` alone.
    enabled: false,
    initialData: initial,
    gcTime: Number.POSITIVE_INFINITY,
    // Sets and maps are no data that could be merged.
    structuralSharing: false,
  });
  const change = useCallback(
    (next: (known: T) => T) =>
      void queries.setQueryData<T>(["workspace", taskId, name], (known) => next(known ?? initial)),
    [queries, taskId, name, initial],
  );
  return [data ?? initial, change];
}

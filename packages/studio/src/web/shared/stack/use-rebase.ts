/** Moves of a task to the newest commit of its base, for the rooms that offer them. */
import { useAnnounce } from "@holdfast/web-parts";
import { useMutation } from "@tanstack/react-query";
import { useApi } from "../context.ts";

/** Moves a task to the newest commit of its base; `resolve` has the agent resolve what does not fit. */
export function useRebase(taskId: string) {
  const api = useApi();
  const announce = useAnnounce();
  const rebase = useMutation({
    mutationFn: () => api.task(taskId).rebase(),
    onSuccess: ({ conflicts }) =>
      announce(conflicts.length === 0 ? "The task is on the newest commit." : "Some files do not fit."),
  });
  const resolve = useMutation({
    mutationFn: () => api.task(taskId).rebase({ resolve: true }),
    onSuccess: () => announce("Sent to the agent."),
  });
  return { rebase, resolve };
}

import { useMutation, useQuery } from "@tanstack/react-query";
import type { TaskView } from "../../contract.ts";
import { useApi } from "../shared/context.ts";
import { meQuery } from "../shared/inbox/live.ts";
import { useProfile } from "../shared/people.ts";

/** Whether the news of the task are in the person's inbox. Offered where there are several people. */
export function WatchButton({ task }: { readonly task: TaskView }) {
  const api = useApi();
  const hasPeople = useProfile() !== undefined;
  const { data: me } = useQuery(meQuery(api));
  const watch = useMutation({ mutationFn: (isWatching: boolean) => api.task(task.id).watch(isWatching) });
  if (!hasPeople || me === undefined || task.watchedBy === undefined) return null;
  const isWatching = task.watchedBy.includes(me.id);
  return (
    <button
      type="button"
      className="link-button"
      aria-pressed={isWatching}
      title={isWatching ? "Its news come to your inbox" : "Get its news in your inbox"}
      disabled={watch.isPending}
      onClick={() => watch.mutate(!isWatching)}
    >
      {isWatching ? "Watching" : "Watch"}
    </button>
  );
}

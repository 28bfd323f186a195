import { queryOptions, useQuery } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import type { TaskSessionView, TaskView } from "../../../contract.ts";
import { useApi } from "../../shared/context.ts";
import type { StudioApi } from "../../shared/port.ts";
import { seenSessionsKey } from "../../shared/queries.ts";
import { watchVisibility } from "../mark-read.ts";
import { isSessionUnread } from "./session-view.ts";

/** When this person has last read each session of a task. Kept live by an event. */
function seenSessionsQuery(api: StudioApi, taskId: string) {
  return queryOptions({
    queryKey: seenSessionsKey(taskId),
    queryFn: () => api.task(taskId).seenSessions(),
  });
}

/** The sessions that are unread. The one that is shown is marked as read while its page is visible. */
export function useUnreadSessions(task: TaskView, shown: TaskSessionView): ReadonlySet<string> {
  const api = useApi();
  const isOne = task.sessions.length < 2;
  const { data: seen } = useQuery({ ...seenSessionsQuery(api, task.id), enabled: !isOne });
  const visible = useSyncExternalStore(watchVisibility, () => document.visibilityState === "visible");
  const mustMark = seen !== undefined && visible && isSessionUnread(task, shown, seen);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each time it needs a person is seen anew
  useEffect(() => {
    // Without a connection the session stays unread.
    if (mustMark)
      api
        .task(task.id)
        .markSession(shown.id)
        .catch(() => undefined);
  }, [api, task.id, shown.id, shown.attentionAt, mustMark]);
  if (seen === undefined) return new Set();
  const unread = task.sessions.filter((each) => each.id !== shown.id && isSessionUnread(task, each, seen));
  return new Set(unread.map(({ id }) => id));
}

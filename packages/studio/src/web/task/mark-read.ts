import { useQuery } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import { useApi } from "../shared/context.ts";
import { attentionQuery } from "../shared/queries.ts";

/** Marks a task as read while its page is visible, and again whenever it needs a person. */
export function useMarkRead(taskId: string): void {
  const { organization } = useApi();
  const { data: attentionAt } = useQuery(attentionQuery(taskId));
  const visible = useSyncExternalStore(watchVisibility, () => document.visibilityState === "visible");
  // biome-ignore lint/correctness/useExhaustiveDependencies: each time it needs a person is seen anew
  useEffect(() => {
    if (!visible) return;
    // Without a connection the task stays unread, which the page says anyway.
    organization.markTasks([taskId], "read").catch(() => undefined);
  }, [organization, taskId, visible, attentionAt]);
}

export function watchVisibility(listener: () => void): () => void {
  document.addEventListener("visibilitychange", listener);
  return () => document.removeEventListener("visibilitychange", listener);
}

import { refetchActive } from "@holdfast/web-parts/refetch-active";
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { NotificationActions, NotificationChoices, NotificationsView } from "../../contract.ts";
import { useApi } from "../shared/context.ts";
import type { StudioApi } from "../shared/port.ts";

export function notificationsQuery(api: StudioApi, person: string) {
  return queryOptions({
    queryKey: ["notifications", person],
    queryFn: () => api.notifications(person).get(),
  });
}

export function notificationDefaultsQuery(api: StudioApi) {
  return queryOptions({
    queryKey: ["notification-defaults"],
    queryFn: () => api.attention.notificationDefaults(),
  });
}

/** Reads the settings again when they change anywhere, or events were missed. */
export function useNotificationsLive(person: string): void {
  const api = useApi();
  const queries = useQueryClient();
  useEffect(() => {
    const reread = () => void refetchActive(queries, ["notifications", person]);
    return api.watchNotifications(person, {
      on: { changed: reread },
      onState: (state) => state === "online" && reread(),
    });
  }, [api, queries, person]);
}

/**
 * A change of the person's notifications, after which they are read again. With `shown`, the page shows its result at
 * once, and what the server says after a refusal.
 */
export function useNotificationChange<Input, Result>(
  person: string,
  change: (notifications: NotificationActions, input: Input) => Promise<Result>,
  shown?: (view: NotificationsView, input: Input) => NotificationsView,
) {
  const api = useApi();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (input: Input) => change(api.notifications(person), input),
    async onMutate(input) {
      if (shown === undefined) return;
      const { queryKey } = notificationsQuery(api, person);
      await queries.cancelQueries({ queryKey });
      queries.setQueryData<NotificationsView>(queryKey, (view) => view && shown(view, input));
    },
    onSettled: () => refetchActive(queries, ["notifications", person]),
  });
}

/** A change of own choices. */
export function useChoice(person: string) {
  return useNotificationChange(
    person,
    (notifications, choices: Partial<NotificationChoices>) => notifications.choose(choices),
    (view, choices) => ({ ...view, choices: { ...view.choices, ...choices } }),
  );
}

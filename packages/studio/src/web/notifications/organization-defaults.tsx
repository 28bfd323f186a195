import { ErrorNotice } from "@holdfast/web-parts";
import { refetchActive } from "@holdfast/web-parts/refetch-active";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { NotificationChoices, NotificationsView } from "../../contract.ts";
import { useApi } from "../shared/context.ts";
import { roleHere } from "../shared/organizations/queries.ts";
import { useProfile } from "../shared/people.ts";
import { Section } from "./parts.tsx";
import { notificationDefaultsQuery } from "./queries.ts";

/** What holds for people who have not chosen: for owners and admins, where there are other people. */
export function OrganizationDefaults({ view }: { readonly view: NotificationsView }) {
  const api = useApi();
  const queries = useQueryClient();
  const profile = useProfile();
  const role = profile === undefined ? undefined : roleHere(profile);
  const mayChange = role === "admin" || role === "owner";
  const defaults = useQuery({ ...notificationDefaultsQuery(api), enabled: mayChange });
  const set = useMutation({
    mutationFn: (choices: Partial<NotificationChoices>) => api.attention.setNotificationDefaults(choices),
    onSettled: () => refetchActive(queries, ["notification-defaults"]),
  });
  if (!mayChange || defaults.data === undefined) return null;
  const hasDefaults = Object.keys(defaults.data).length > 0;
  return (
    <Section title="Defaults of the organization">
      <p className="muted">
        {hasDefaults
          ? "The organization has defaults of its own. They hold for everybody who has not chosen."
          : "The defaults of Holdfast hold for everybody who has not chosen."}
      </p>
      <div className="notification-buttons">
        <button
          type="button"
          className="button"
          disabled={set.isPending}
          onClick={() => set.mutate(view.choices)}
        >
          Make my choices the defaults
        </button>
        {hasDefaults && (
          <button type="button" className="button" disabled={set.isPending} onClick={() => set.mutate({})}>
            Remove them
          </button>
        )}
        <span className="muted small" role="status">
          {set.isSuccess && "Saved."}
        </span>
      </div>
      {set.isError && <ErrorNotice error={set.error} title="The defaults were not saved." />}
    </Section>
  );
}

import { ErrorNotice, Loading } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { useApi } from "../shared/context.ts";
import { meQuery } from "../shared/inbox/live.ts";
import { SettingsFrame } from "../shared/settings/settings-frame.tsx";
import { Browsers } from "./browsers.tsx";
import { Failures } from "./failures.tsx";
import { ForgeAccounts } from "./forge-accounts.tsx";
import { Kinds } from "./kinds.tsx";
import { MailSection } from "./mail.tsx";
import { OrganizationDefaults } from "./organization-defaults.tsx";
import { Pause } from "./pause.tsx";
import { notificationsQuery, useNotificationsLive } from "./queries.ts";
import { Quiet } from "./quiet-hours.tsx";
import { Webhooks } from "./webhooks.tsx";

/** What reaches the person outside the page, where, and when. */
export function NotificationsScreen() {
  const me = useQuery(meQuery(useApi()));
  return (
    <SettingsFrame title="Notifications" className="notifications-page">
      {me.data !== undefined ? (
        <Settings person={me.data.id} />
      ) : me.isError ? (
        <ErrorNotice error={me.error} onRetry={() => void me.refetch()} />
      ) : (
        <Loading label="Loading your notifications" rows={6} />
      )}
    </SettingsFrame>
  );
}

function Settings({ person }: { readonly person: string }) {
  useNotificationsLive(person);
  const settings = useQuery(notificationsQuery(useApi(), person));
  const { data: view } = settings;
  if (view === undefined)
    return settings.isError ? (
      <ErrorNotice error={settings.error} onRetry={() => void settings.refetch()} />
    ) : (
      <Loading label="Loading your notifications" rows={6} />
    );
  const props = { person, view };
  return (
    <>
      <p className="muted notifications-lead">
        What needs you is in the inbox. Here you choose what reaches you elsewhere. What you have read or
        answered by then is not delivered.
      </p>
      <Failures {...props} />
      <Pause {...props} />
      <Browsers {...props} />
      <MailSection {...props} />
      <Webhooks {...props} />
      <ForgeAccounts person={person} />
      <Kinds {...props} />
      <Quiet {...props} />
      <OrganizationDefaults view={view} />
    </>
  );
}

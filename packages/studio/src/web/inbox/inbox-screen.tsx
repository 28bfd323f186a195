/** Inbox of a person: what needs them, with a preview, and the open approvals of all tasks. */
import { BellIcon, ErrorNotice, Loading, TabPanel, TabStrip, usePageTitle } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useApi } from "../shared/context.ts";
import { inboxCountsQuery, meQuery } from "../shared/inbox/live.ts";
import { ApprovalQueue } from "./approval-queue.tsx";
import { EntryList } from "./entry-list.tsx";
import { useApprovalQueue } from "./queue.ts";
import type { InboxTab } from "./search.ts";

export function InboxScreen({
  tab,
  onTab,
}: {
  readonly tab: InboxTab;
  readonly onTab: (tab: InboxTab) => void;
}) {
  const api = useApi();
  const me = useQuery(meQuery(api));
  usePageTitle("Inbox");
  const { data } = useQuery({ ...inboxCountsQuery(api, me.data?.id ?? ""), enabled: me.data !== undefined });
  const queue = useApprovalQueue();
  const tabs = [
    { id: "open", label: "Inbox", count: data?.counts.unread ?? 0 },
    { id: "approvals", label: "Approvals", count: queue.data?.total ?? 0 },
    { id: "snoozed", label: "Snoozed", count: data?.counts.snoozed ?? 0 },
    { id: "done", label: "Done" },
  ] as const;
  return (
    <div className="inbox-page">
      <h1 className="visually-hidden">Inbox</h1>
      <div className="inbox-head">
        <TabStrip label="Inbox" tabs={tabs} tab={tab} onChange={onTab} className="inbox-tabs" />
        <Link to="/settings/notifications" className="inbox-notifications" title="Settings of notifications">
          <BellIcon />
          <span>Notifications</span>
        </Link>
      </div>
      <TabPanel tab={tab} className="inbox-panel">
        {me.data === undefined ? (
          me.isError ? (
            <ErrorNotice error={me.error} onRetry={() => void me.refetch()} />
          ) : (
            <Loading label="Loading the inbox" rows={5} />
          )
        ) : tab === "approvals" ? (
          <ApprovalQueue queue={queue} me={me.data.id} />
        ) : (
          <EntryList key={tab} person={me.data.id} view={tab} />
        )}
      </TabPanel>
    </div>
  );
}

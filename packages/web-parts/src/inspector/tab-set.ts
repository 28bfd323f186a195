import type { ComponentType } from "react";
import type { Tab } from "../index.ts";
import type { InspectedActor } from "./api/types.ts";
import type { TabId } from "./tab-id.ts";
import { ActionsTab } from "./tabs/actions-tab.tsx";
import { ConnectionsTab } from "./tabs/connections-tab.tsx";
import { DatabaseTab } from "./tabs/database-tab.tsx";
import { EventsTab } from "./tabs/events-tab.tsx";
import { HistoryTab } from "./tabs/history-tab.tsx";
import { KvTab } from "./tabs/kv-tab.tsx";
import { LogsTab } from "./tabs/logs-tab.tsx";
import { QueueTab } from "./tabs/queue-tab.tsx";
import { SchedulesTab } from "./tabs/schedules-tab.tsx";
import { StateTab } from "./tabs/state-tab.tsx";
import { TracesTab } from "./tabs/traces-tab.tsx";
import { WorkflowTab } from "./tabs/workflow-tab.tsx";

export type { TabId } from "./tab-id.ts";

export const panels: Readonly<Record<TabId, ComponentType>> = {
  state: StateTab,
  actions: ActionsTab,
  connections: ConnectionsTab,
  events: EventsTab,
  queue: QueueTab,
  schedules: SchedulesTab,
  workflow: WorkflowTab,
  kv: KvTab,
  database: DatabaseTab,
  logs: LogsTab,
  traces: TracesTab,
  history: HistoryTab,
};

/** The tabs of an actor, without those for parts that it does not have, and those that its definition hides. */
export function tabsOf(actor: InspectedActor): readonly Tab<TabId>[] {
  const hidden = new Set(actor.tabs.filter((tab) => tab.hidden).map(({ id }) => id));
  // Definitions call the tab for actions "console".
  if (hidden.has("console")) hidden.add("actions");
  const tabs: readonly (Tab<TabId> & { readonly there?: boolean })[] = [
    { id: "state", label: "State", there: actor.isStateEnabled },
    { id: "actions", label: "Actions", there: actor.rpcs.length > 0 },
    { id: "connections", label: "Connections", count: actor.connections.length },
    { id: "events", label: "Events" },
    { id: "queue", label: "Queues", there: actor.queues.length > 0, count: actor.queueSize },
    { id: "schedules", label: "Schedules" },
    { id: "workflow", label: "Workflow", there: actor.isWorkflowEnabled },
    { id: "kv", label: "KV" },
    { id: "database", label: "SQLite", there: actor.isDatabaseEnabled },
    { id: "logs", label: "Logs" },
    { id: "traces", label: "Traces" },
    { id: "history", label: "History" },
  ];
  return tabs.filter(({ id, there = true }) => there && !hidden.has(id)).map(({ there: _, ...tab }) => tab);
}

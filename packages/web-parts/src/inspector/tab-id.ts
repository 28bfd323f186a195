/** The inspector: the list of actors, and one actor. */
const ids = [
  "state",
  "actions",
  "connections",
  "events",
  "queue",
  "schedules",
  "workflow",
  "kv",
  "database",
  "logs",
  "traces",
  "history",
] as const;

export type TabId = (typeof ids)[number];

export function isTabId(value: unknown): value is TabId {
  return ids.some((id) => id === value);
}

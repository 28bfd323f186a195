/** The views of a task, one of which is in its address. */
const taskTabs = ["conversation", "changes", "workspace"] as const;
export type TaskTab = (typeof taskTabs)[number];

/** Reads the view from the address; the conversation is the first one, and not in it. */
export function readTaskTab({ view }: Readonly<Record<string, unknown>>): { readonly view?: TaskTab } {
  const found = taskTabs.find((tab) => tab === view);
  return found === undefined || found === "conversation" ? {} : { view: found };
}

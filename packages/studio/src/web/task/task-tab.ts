/** The views of a task, one of which is in its address. */
const taskTabs = ["conversation", "changes", "workspace", "attempts"] as const;
export type TaskTab = (typeof taskTabs)[number];

export interface TaskSearch {
  readonly view?: TaskTab;
  /** Id of the session that is shown. Absent for the first one that is open. */
  readonly session?: string;
}

/** Reads the view and the session from the address; the conversation is the first view, and not in it. */
export function readTaskTab({ view, session }: Readonly<Record<string, unknown>>): TaskSearch {
  const found = taskTabs.find((tab) => tab === view);
  return {
    ...(found === undefined || found === "conversation" ? {} : { view: found }),
    ...(typeof session === "string" && session !== "" ? { session } : {}),
  };
}

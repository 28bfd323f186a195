import { Draft, tabStorage } from "@holdfast/web-parts";

const drafts = new Map<string, Draft<string>>();

/** The next prompt of a task. One for all who show it: a prompt that is sent may outlive its page. */
export function promptDraft(taskId: string): Draft<string> {
  const known = drafts.get(taskId);
  if (known !== undefined) return known;
  const draft = new Draft({
    key: `holdfast.prompt.${taskId}`,
    empty: "",
    read: (kept) => (typeof kept === "string" ? kept : undefined),
    storage: tabStorage(),
  });
  drafts.set(taskId, draft);
  return draft;
}

import { Draft, tabStorage } from "@holdfast/web-parts";

const drafts = new Map<string, Draft<string>>();

/** The draft of a session's next prompt, outside of the component: a prompt that is being sent may outlive its page. */
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

import { Draft, tabStorage } from "@holdfast/web-parts";
import { emptyPrompt, type PromptValue, readPromptValue } from "./prompt-value.ts";

const drafts = new Map<string, Draft<PromptValue>>();

/** The draft of a session's next prompt, outside of the component: a prompt that is being sent may outlive its page. */
export function promptDraft(key: string): Draft<PromptValue> {
  const known = drafts.get(key);
  if (known !== undefined) return known;
  const draft = new Draft({
    key: `holdfast.prompt.${key}`,
    empty: emptyPrompt,
    read: readPromptValue,
    storage: tabStorage(),
  });
  drafts.set(key, draft);
  return draft;
}

import { actor, event } from "@holdfast/actors";
import type {
  DraftsEvents,
  InboxPage,
  InboxPatch,
  Me,
  PromptDraft,
} from "../../../packages/studio/src/contract.ts";

/** The action of the organization, and the actor, that the header of every page asks. */
export const me = (): Me => ({ id: "operator" });

export const emptyInbox = actor({
  state: {},
  events: { changed: event<InboxPatch>() },
  actions: {
    list: (): InboxPage => ({ entries: [], counts: { open: 0, unread: 0, snoozed: 0 }, revision: 0 }),
  },
});

/** The actor that a prompt box asks for what was typed on other devices. It keeps one draft of each kind. */
export function keptDrafts() {
  const drafts = new Map<string, PromptDraft>();
  return actor({
    state: {},
    events: { changed: event<DraftsEvents["changed"]>() },
    actions: {
      get: (_c, scope: string) => drafts.get(scope) ?? null,
      save: (c, scope: string, { text, attachments }: PromptDraft, device: string) => {
        const draft = { text, attachments, updatedAt: 0 };
        drafts.set(scope, draft);
        c.broadcast("changed", { scope, device, draft });
      },
    },
  });
}

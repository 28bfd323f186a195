import { actor, event } from "@holdfast/actors";
import type { InboxPage, InboxPatch, Me } from "../../../packages/studio/src/contract.ts";

/** The action of the organization, and the actor, that the header of every page asks. */
export const me = (): Me => ({ id: "operator" });

export const emptyInbox = actor({
  state: {},
  events: { changed: event<InboxPatch>() },
  actions: {
    list: (): InboxPage => ({ entries: [], counts: { open: 0, unread: 0, snoozed: 0 }, revision: 0 }),
  },
});

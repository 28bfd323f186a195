export const inboxTabs = ["open", "snoozed", "done", "approvals"] as const;
export type InboxTab = (typeof inboxTabs)[number];

/** Reads the tab from the address. */
export function readInboxTab({ tab }: Readonly<Record<string, unknown>>): { readonly tab?: InboxTab } {
  const known = inboxTabs.find((each) => each === tab);
  return known === undefined ? {} : { tab: known };
}

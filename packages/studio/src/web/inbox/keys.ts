import { useKeys } from "../shared/keys.ts";

/** The keys of the inbox, in the order in which the help lists them. */
export const inboxKeys = [
  { key: "j", text: "Next entry" },
  { key: "k", text: "Previous entry" },
  { key: "Enter", text: "Open the task" },
  { key: "e", text: "Done, or back into the inbox" },
  { key: "h", text: "Snooze, or show again" },
  { key: "u", text: "Mark as read or unread" },
  { key: "a", text: "Allow once what the preview shows" },
  { key: "d", text: "Deny what the preview shows" },
  { key: "?", text: "Show these keys" },
] as const;

export type InboxKey = (typeof inboxKeys)[number]["key"];

/** Calls `press` for the keys of the inbox. */
export function useInboxKeys(press: (key: InboxKey) => boolean): void {
  useKeys(({ key, repeat }) => {
    const known = inboxKeys.find((each) => each.key === key);
    if (known === undefined || (repeat && !"jk".includes(key))) return false;
    return (known.key !== "Enter" || !belongsToFocus()) && press(known.key);
  });
}

/** Enter belongs to the button or the link that has the focus, unless that is an entry of the list. */
function belongsToFocus(): boolean {
  const focused = document.activeElement;
  return focused?.matches("a, button, summary") === true && !focused.matches(".inbox-row-title");
}

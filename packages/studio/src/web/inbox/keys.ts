import { useEffect, useRef } from "react";

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

/** Calls `press` for the keys of the inbox, but not while somebody types or a dialog is open. */
export function useInboxKeys(press: (key: InboxKey) => boolean): void {
  const latest = useRef(press);
  useEffect(() => {
    latest.current = press;
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => {
      if (
        event.defaultPrevented ||
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        (event.repeat && !"jk".includes(event.key))
      )
        return;
      const known = inboxKeys.find(({ key }) => key === event.key);
      if (known === undefined || isElsewhere(known.key)) return;
      if (latest.current(known.key)) event.preventDefault();
    };
    document.addEventListener("keydown", listener);
    return () => document.removeEventListener("keydown", listener);
  }, []);
}

/** Enter belongs to the button or the link that has the focus, unless that is an entry of the list. */
function isElsewhere(key: InboxKey): boolean {
  const focused = document.activeElement;
  if (document.querySelector("dialog[open]") !== null) return true;
  if (!(focused instanceof HTMLElement)) return false;
  if (focused.matches("input:not([type=checkbox]), textarea, select, [contenteditable]")) return true;
  return key === "Enter" && focused.matches("a, button, summary") && !focused.matches(".inbox-row-title");
}

/** Where the agent is: the fragment of the address has the view and the open ticket. */
import { useEffect, useState } from "react";
import type { View } from "../inbox.ts";

export interface Place {
  readonly view: View;
  readonly ticketId: string | undefined;
}

export const viewNames: Readonly<Record<View, string>> = {
  waiting: "To answer",
  mine: "Mine",
  unassigned: "Unassigned",
  open: "All open",
  closed: "Closed",
};

function isView(text: string): text is View {
  return Object.hasOwn(viewNames, text);
}

function placeOf(hash: string): Place {
  const [view = "", ticketId] = hash.replace(/^#\/?/, "").split("/");
  return { view: isView(view) ? view : "waiting", ticketId: ticketId === "" ? undefined : ticketId };
}

export function addressOf(view: View, ticketId?: string): string {
  return `#/${view}${ticketId === undefined ? "" : `/${ticketId}`}`;
}

export function usePlace(): Place {
  const [place, setPlace] = useState(() => placeOf(location.hash));
  useEffect(() => {
    const change = () => setPlace(placeOf(location.hash));
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  }, []);
  return place;
}

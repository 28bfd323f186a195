"use client";

import { createClient, createHoldfast } from "holdfast/react";
import { useMemo, useState } from "react";
import type { Entry, registry } from "../actors.ts";

export interface GuestsProps {
  readonly entries: readonly Entry[];
  /** Where connections go: the port that the registry listens on. */
  readonly live: string;
}

export function Guests({ entries: first, live }: GuestsProps) {
  const { useActor } = useMemo(() => createHoldfast<typeof registry>(live), [live]);
  const [entries, setEntries] = useState(first);
  const book = useActor({ name: "guestBook", key: ["home"] });
  book.useEvent("signed", (entry) => setEntries((all) => [...all, entry]));
  const sign = async (form: FormData): Promise<void> => {
    // A call needs no connection: it goes to the route handler.
    const client = createClient<typeof registry>(`${location.origin}/api/holdfast`);
    await client.guestBook.getOrCreate(["home"]).sign(String(form.get("name")));
    await client.dispose();
  };
  return (
    <main>
      <h1>Guests</h1>
      <p role="status">{book.connStatus}</p>
      <form action={sign}>
        <input name="name" aria-label="Your name" />
        <button type="submit">Sign</button>
      </form>
      <ul>
        {entries.map((entry) => (
          <li key={entry.at}>{entry.name}</li>
        ))}
      </ul>
    </main>
  );
}

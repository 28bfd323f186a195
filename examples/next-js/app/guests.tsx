"use client";

import { createHoldfast } from "holdfast/react";
import { useEffect, useState } from "react";
import type { Entry, registry } from "../actors.ts";

// The route handler answers calls, and tells where connections go.
const { useActor } = createHoldfast<typeof registry>(
  typeof location === "undefined" ? undefined : `${location.origin}/api/holdfast`,
);

export interface GuestsProps {
  readonly entries: readonly Entry[];
}

export function Guests({ entries: first }: GuestsProps) {
  const [entries, setEntries] = useState(first);
  const book = useActor({ name: "guestBook", key: ["home"] });
  book.useEvent("signed", (entry) => setEntries((all) => [...all, entry]));
  // Who signed between the rendering of the page and its connection, asked in order with its events.
  useEffect(() => {
    if (book.connStatus === "connected") void book.connection?.entries().then(setEntries);
  }, [book.connStatus, book.connection]);
  const sign = async (form: FormData): Promise<void> => {
    await book.handle?.sign(String(form.get("name")));
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

"use client";

import { createHoldfast } from "holdfast/react";
import { useEffect, useState } from "react";
import type { Entry } from "../src/guest-book.ts";
import type { registry } from "../src/registry.ts";

// The route handler answers calls, and says where live connections go.
const { useActor } = createHoldfast<typeof registry>(
  typeof location === "undefined" ? undefined : `${location.origin}/api/holdfast`,
);

export function Guests({ entries: first }: { readonly entries: readonly Entry[] }) {
  const [entries, setEntries] = useState(first);
  const book = useActor({ name: "guestBook", key: ["home"] });
  book.useEvent("signed", (entry) => setEntries((all) => [...all, entry]));
  // Who has signed between the rendering of the page and its connection.
  useEffect(() => {
    if (book.connStatus === "connected") void book.connection?.entries().then(setEntries);
  }, [book.connStatus, book.connection]);
  const sign = async (form: FormData): Promise<void> => {
    await book.handle?.sign(String(form.get("name")));
  };
  return (
    <main>
      <h1>Guests</h1>
      <p role="status">
        {book.connStatus === "connected" ? "Open this page twice: signatures appear in both." : "Connecting…"}
      </p>
      <form action={sign}>
        <input name="name" aria-label="Your name" placeholder="Ann" autoComplete="off" required />
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

import { useEffect, useRef, useState } from "react";
import type { TranscriptEntry } from "../types.ts";
import { visibleText } from "../visible-text.ts";
import { hiddenStyle } from "./hidden-style.ts";

/** A message is read out when nothing was added to it for this long. */
const quietMs = 700;
const maxCharacters = 500;

/**
 * Tells assistive technology what is new: answers when they rest, questions at once. The transcript
 * itself is no live region, since a virtual list puts old entries into the page as new ones.
 */
export function Announcements({ entries }: { readonly entries: readonly TranscriptEntry[] }) {
  const [said, setSaid] = useState("");
  const [asked, setAsked] = useState("");
  const known = useRef({ count: entries.length, characters: textOf(entries.at(-1)).length });
  const questions = useRef<ReadonlySet<string>>(new Set(pendingIds(entries)));
  useEffect(() => {
    const { count } = known.current;
    // Another session: what it begins with is not news.
    if (entries.length < count) {
      known.current = { count: entries.length, characters: textOf(entries.at(-1)).length };
      return;
    }
    const timer = setTimeout(() => {
      const news = newText(entries, known.current);
      known.current = { count: entries.length, characters: textOf(entries.at(-1)).length };
      if (news !== "") setSaid(news.length > maxCharacters ? `${news.slice(0, maxCharacters)}…` : news);
    }, quietMs);
    return () => clearTimeout(timer);
  }, [entries]);
  useEffect(() => {
    const pending = pendingIds(entries);
    const fresh = pending.filter((id) => !questions.current.has(id));
    questions.current = new Set(pending);
    const titles = fresh.flatMap((id) => {
      const title = entries.find((entry) => entry.id === id)?.permission?.title;
      return title === undefined ? [] : [visibleText(title)];
    });
    if (titles.length > 0) setAsked(`The agent asks: ${titles.join(", ")}`);
    else if (pending.length === 0) setAsked("");
  }, [entries]);
  return (
    <>
      <div role="status" data-slot="announcements" style={hiddenStyle}>
        {said}
      </div>
      <div role="alert" data-slot="questions" style={hiddenStyle}>
        {asked}
      </div>
    </>
  );
}

/** Questions are asked at the end: only there new ones are looked for. */
function pendingIds(entries: readonly TranscriptEntry[]): string[] {
  return entries
    .slice(-50)
    .filter((entry) => entry.kind === "permission" && entry.permission?.resolved !== true)
    .map((entry) => entry.id);
}

function textOf(entry: TranscriptEntry | undefined): string {
  return entry?.kind === "message" && entry.role !== "user" ? (entry.text ?? "") : "";
}

function newText(
  entries: readonly TranscriptEntry[],
  known: { readonly count: number; readonly characters: number },
): string {
  const grown = known.count === 0 ? "" : textOf(entries[known.count - 1]).slice(known.characters);
  const added = entries.slice(known.count).map(textOf);
  return visibleText([grown, ...added].filter((text) => text.trim() !== "").join("\n"));
}

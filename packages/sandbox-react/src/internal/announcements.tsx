import { useEffect, useRef, useState } from "react";
import type { TranscriptEntry } from "../types.ts";
import { visibleText } from "../visible-text.ts";
import { hiddenStyle } from "./hidden-style.ts";

/** A message is announced when it has not grown for this long. */
const quietMs = 700;
const maxCharacters = 500;

/** Announced position: the last entry, and its text at that time. */
interface AnnouncedEnd {
  readonly id: string;
  readonly text: string;
}

/**
 * Announces new messages, once they are complete, and permission requests, immediately, to assistive technology. The
 * transcript itself is not a live region, because a virtual list inserts old entries as new elements.
 */
export function Announcements({ entries }: { readonly entries: readonly TranscriptEntry[] }) {
  const [message, setMessage] = useState("");
  const [question, setQuestion] = useState("");
  const announced = useRef(lastPosition(entries));
  const questions = useRef<ReadonlySet<string>>(new Set(pendingIds(entries)));
  useEffect(() => {
    const { current: before } = announced;
    const index = before === undefined ? -1 : indexOfAnnounced(entries, before);
    // The initial entries of a transcript are not announced, also after switching sessions.
    if (before === undefined || index < 0) {
      announced.current = lastPosition(entries);
      return;
    }
    const timer = setTimeout(() => {
      const added = newText(entries.slice(index), before);
      announced.current = lastPosition(entries);
      if (added !== "")
        setMessage(added.length > maxCharacters ? `${added.slice(0, maxCharacters)}…` : added);
    }, quietMs);
    return () => clearTimeout(timer);
  }, [entries]);
  useEffect(() => {
    const pending = pendingIds(entries);
    const newIds = pending.filter((id) => !questions.current.has(id));
    questions.current = new Set(pending);
    const titles = newIds.flatMap((id) => {
      const title = entries.find((entry) => entry.id === id)?.permission?.title;
      return title === undefined ? [] : [visibleText(title)];
    });
    if (titles.length > 0) setQuestion(`The agent asks: ${titles.join(", ")}`);
    else if (pending.length === 0) setQuestion("");
  }, [entries]);
  return (
    <>
      <div role="status" data-slot="announcements" style={hiddenStyle}>
        {message}
      </div>
      <div role="alert" data-slot="questions" style={hiddenStyle}>
        {question}
      </div>
    </>
  );
}

/** Only the end is searched, because questions are always appended. */
function pendingIds(entries: readonly TranscriptEntry[]): string[] {
  return entries
    .slice(-50)
    .filter((entry) => entry.kind === "permission" && entry.permission?.resolved !== true)
    .map((entry) => entry.id);
}

function lastPosition(entries: readonly TranscriptEntry[]): AnnouncedEnd | undefined {
  const last = entries.at(-1);
  return last && { id: last.id, text: spokenText(last) };
}

function spokenText(entry: TranscriptEntry): string {
  return entry.kind === "message" && entry.role !== "user" ? (entry.text ?? "") : "";
}

/** Index of the last announced entry, even if older ones were inserted before it; -1 in another session. */
function indexOfAnnounced(entries: readonly TranscriptEntry[], announced: AnnouncedEnd): number {
  return entries.findLastIndex(
    (entry) => entry.id === announced.id && spokenText(entry).startsWith(announced.text),
  );
}

/** The text since then, starting with the last announced entry. */
function newText([last, ...added]: readonly TranscriptEntry[], announced: AnnouncedEnd): string {
  const grown = last === undefined ? "" : spokenText(last).slice(announced.text.length);
  return visibleText([grown, ...added.map(spokenText)].filter((text) => text.trim() !== "").join("\n"));
}

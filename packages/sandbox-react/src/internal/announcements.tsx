import { useEffect, useRef, useState } from "react";
import type { TranscriptEntry } from "../types.ts";
import { visibleText } from "../visible-text.ts";
import { hiddenStyle } from "./hidden-style.ts";

/** A message is announced when it has not grown for this long. */
const quietMs = 700;
const maxCharacters = 500;

/** Announced position: the last entry, and its text at that time. */
interface Heard {
  readonly id: string;
  readonly text: string;
}

/**
 * Announces new messages, once they are complete, and permission requests, immediately, to assistive technology. The
 * transcript itself is not a live region, because a virtual list inserts old entries as new elements.
 */
export function Announcements({ entries }: { readonly entries: readonly TranscriptEntry[] }) {
  const [said, setSaid] = useState("");
  const [asked, setAsked] = useState("");
  const heard = useRef(endOf(entries));
  const questions = useRef<ReadonlySet<string>>(new Set(pendingIds(entries)));
  useEffect(() => {
    const { current: before } = heard;
    const index = before === undefined ? -1 : placeOf(entries, before);
    // The initial entries of a transcript are not announced, also after switching sessions.
    if (before === undefined || index < 0) {
      heard.current = endOf(entries);
      return;
    }
    const timer = setTimeout(() => {
      const news = newText(entries.slice(index), before);
      heard.current = endOf(entries);
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

/** Only the end is searched, because questions are always appended. */
function pendingIds(entries: readonly TranscriptEntry[]): string[] {
  return entries
    .slice(-50)
    .filter((entry) => entry.kind === "permission" && entry.permission?.resolved !== true)
    .map((entry) => entry.id);
}

function endOf(entries: readonly TranscriptEntry[]): Heard | undefined {
  const last = entries.at(-1);
  return last && { id: last.id, text: textOf(last) };
}

function textOf(entry: TranscriptEntry): string {
  return entry.kind === "message" && entry.role !== "user" ? (entry.text ?? "") : "";
}

/** Index of the last announced entry, even if older ones were inserted before it; -1 in another session. */
function placeOf(entries: readonly TranscriptEntry[], heard: Heard): number {
  return entries.findLastIndex((entry) => entry.id === heard.id && textOf(entry).startsWith(heard.text));
}

/** The text since then, starting with the last announced entry. */
function newText([last, ...added]: readonly TranscriptEntry[], heard: Heard): string {
  const grown = last === undefined ? "" : textOf(last).slice(heard.text.length);
  return visibleText([grown, ...added.map(textOf)].filter((text) => text.trim() !== "").join("\n"));
}

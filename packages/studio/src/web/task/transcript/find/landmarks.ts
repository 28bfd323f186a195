import type { TranscriptItem } from "../../../../transcript.ts";

/** What the map of a conversation shows: where somebody wrote, what failed, and where somebody was asked. */
export type LandmarkKind = "prompt" | "failed" | "question";

export interface Landmark {
  /** From 0, the first entry, to 1. */
  readonly at: number;
  readonly kind: LandmarkKind;
}

/** Marks of one map: more would be closer to each other than a line is high. */
const maxMarks = 200;

const importance: readonly LandmarkKind[] = ["prompt", "question", "failed"];

/** The landmarks of a conversation, in order. Of those that are too close to each other, the most important one. */
export function landmarksOf(items: readonly TranscriptItem[]): readonly Landmark[] {
  const kinds = new Map<number, LandmarkKind>();
  items.forEach((item, index) => {
    const kind = kindOf(item);
    if (kind === undefined) return;
    const place = Math.floor((index * maxMarks) / items.length);
    const known = kinds.get(place);
    if (known === undefined || importance.indexOf(kind) > importance.indexOf(known)) kinds.set(place, kind);
  });
  return [...kinds].map(([place, kind]) => ({ at: place / maxMarks, kind }));
}

/** The position of the prompt after or before an entry; undefined if there is none. */
export function nextPrompt(
  items: readonly TranscriptItem[],
  from: number | undefined,
  by: 1 | -1,
): number | undefined {
  const start = from ?? items.length;
  for (let index = start + by; index >= 0 && index < items.length; index += by)
    if (items[index]?.type === "prompt") return index;
  return undefined;
}

function kindOf(item: TranscriptItem): LandmarkKind | undefined {
  switch (item.type) {
    case "prompt":
      return "prompt";
    case "approval":
      return "question";
    case "failed":
      return "failed";
    case "tool":
      return item.status === "failed" ? "failed" : undefined;
    case "message":
    case "thought":
    case "notice":
      return undefined;
  }
}

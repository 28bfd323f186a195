/** Where a person is among earlier prompts, newest last; `undefined` for what they write themselves. */
export interface HistoryPlace {
  readonly index: number;
  /** What was in the field before. */
  readonly typed: string;
}

/** The place and the text after a step into the history; undefined if there is nothing in that direction. */
export function stepHistory(
  history: readonly string[],
  place: HistoryPlace | undefined,
  current: string,
  direction: "older" | "newer",
): { readonly place: HistoryPlace | undefined; readonly text: string } | undefined {
  if (direction === "older") {
    const index = (place?.index ?? history.length) - 1;
    const text = history[index];
    return text === undefined ? undefined : { place: { index, typed: place?.typed ?? current }, text };
  }
  if (place === undefined) return undefined;
  const index = place.index + 1;
  const text = history[index];
  return text === undefined
    ? { place: undefined, text: place.typed }
    : { place: { index, typed: place.typed }, text };
}

import type { Gap } from "./context.ts";

/** Lines that one press of a button shows. */
const step = 20;

interface Lines {
  readonly start: number;
  readonly end: number;
}

/** Shows the lines between two hunks: all of a few, else some at either end. */
export function GapButtons({
  gap: { start, end },
  place,
  isPending,
  onShow,
}: {
  readonly gap: Gap;
  /** Where in the file: before the first hunk, between two, or after the last. */
  readonly place: "first" | "between" | "last";
  readonly isPending: boolean;
  readonly onShow: (lines: Lines) => void;
}) {
  const button = (label: string, lines: Lines) => (
    <button type="button" className="gap-button" disabled={isPending} onClick={() => onShow(lines)}>
      {label}
    </button>
  );
  if (end === undefined) return button(`↓ Show ${step} lines`, { start, end: start + step - 1 });
  const count = end - start + 1;
  if (count <= step * 2) return button(`Show ${count === 1 ? "1 line" : `${count} lines`}`, { start, end });
  return (
    <>
      {place !== "first" && button(`↓ ${step} lines`, { start, end: start + step - 1 })}
      {place !== "last" && button(`↑ ${step} lines`, { start: end - step + 1, end })}
    </>
  );
}

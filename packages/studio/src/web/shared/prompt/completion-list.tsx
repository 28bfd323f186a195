import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { type RefObject, useEffect, useLayoutEffect, useRef } from "react";
import type { Completion } from "./completions.ts";

/** The list beside a prompt. The field keeps the focus, and names the active option. */
export function CompletionList({
  id,
  completions,
  active,
  onActive,
  onChoose,
  field,
}: {
  readonly id: string;
  readonly completions: readonly Completion[];
  readonly active: number;
  readonly onActive: (index: number) => void;
  readonly onChoose: (completion: Completion) => void;
  /** The field that it belongs to. */
  readonly field: RefObject<HTMLElement | null>;
}) {
  const list = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const place = () => placeBeside(list.current, field.current);
    // Above everything else, so that no part of the page cuts it off.
    list.current?.showPopover();
    place();
    window.addEventListener("resize", place);
    document.addEventListener("scroll", place, { capture: true, passive: true });
    return () => {
      window.removeEventListener("resize", place);
      document.removeEventListener("scroll", place, { capture: true });
    };
  }, [field]);
  useEffect(() => {
    document.getElementById(`${id}-${active}`)?.scrollIntoView({ block: "nearest" });
  }, [id, active]);
  return (
    <div ref={list} id={id} popover="manual" role="listbox" aria-label="Completions" className="completions">
      {groupsOf(completions).map(([group, members]) => (
        // biome-ignore lint/a11y/useSemanticElements: groups of a listbox have no element of their own
        <div key={group} role="group" aria-label={group}>
          <div className="completions-group" role="presentation">
            {group}
          </div>
          {members.map(([completion, index]) => (
            // biome-ignore lint/a11y/useFocusableInteractive: the field keeps the focus, and names the active option
            // biome-ignore lint/a11y/useKeyWithClickEvents: the field takes the keys
            <div
              key={completion.id}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === active}
              className="completion"
              onMouseMove={() => onActive(index)}
              // The field must not lose the focus.
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => onChoose(completion)}
            >
              <span className="completion-label">{visibleText(completion.label)}</span>
              <span className="completion-detail">{visibleText(completion.detail)}</span>
            </div>
          ))}
        </div>
      ))}
    </div>
  );
}

/** Completions by group, each with its place in the list. */
function groupsOf(completions: readonly Completion[]): readonly [string, readonly [Completion, number][]][] {
  const groups = new Map<string, [Completion, number][]>();
  for (const [index, completion] of completions.entries())
    groups.set(completion.group, [...(groups.get(completion.group) ?? []), [completion, index]]);
  return [...groups];
}

const gap = 4;
const leastHeight = 160;

/** Puts the list above the field, or below it where there is more room. */
function placeBeside(list: HTMLElement | null, field: HTMLElement | null): void {
  if (list === null || field === null) return;
  const { top, bottom, left, width } = field.getBoundingClientRect();
  const below = window.innerHeight - bottom;
  const isAbove = top > leastHeight || top > below;
  list.style.left = `${left}px`;
  list.style.width = `${width}px`;
  list.style.top = isAbove ? "auto" : `${bottom + gap}px`;
  list.style.bottom = isAbove ? `${window.innerHeight - top + gap}px` : "auto";
  list.style.maxHeight = `${Math.min(288, (isAbove ? top : below) - 2 * gap)}px`;
}

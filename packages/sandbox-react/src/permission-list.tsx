import { useLayoutEffect, useRef } from "react";
import { cx } from "./internal/class-names.ts";
import { PermissionCard, type PermissionCardProps } from "./permission-card.tsx";
import type { TranscriptEntry } from "./types.ts";

export interface PermissionListProps extends Omit<PermissionCardProps, "entry" | "className"> {
  /** Only open questions are shown; other entries are ignored. */
  entries: readonly TranscriptEntry[];
  className?: string;
  /** "Permissions" by default. */
  label?: string;
}

/**
 * The open questions, oldest first, as a list beside or below a transcript. Answering with the keyboard moves to the
 * next question.
 */
export function PermissionList({ entries, className, label = "Permissions", ...card }: PermissionListProps) {
  const waiting = entries.filter(
    (entry) => entry.kind === "permission" && entry.permission !== undefined && !entry.permission.resolved,
  );
  const root = useRef<HTMLUListElement>(null);
  const focused = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a question that goes may take the focus along.
  useLayoutEffect(() => {
    const { activeElement, body } = document;
    if (!focused.current || (activeElement !== null && activeElement !== body)) return;
    const next = root.current?.querySelector<HTMLElement>('[data-slot="permission-prompt"]');
    (next ?? root.current)?.focus({ preventScroll: true });
  }, [waiting.length]);
  return (
    <ul
      ref={root}
      tabIndex={-1}
      aria-label={label}
      className={cx("sa-permission-list", className)}
      data-slot="permission-list"
      onFocus={() => {
        focused.current = true;
      }}
      onBlur={(event) => {
        // Without a next element the focused card has been removed.
        if (event.relatedTarget !== null && !event.currentTarget.contains(event.relatedTarget))
          focused.current = false;
      }}
    >
      {waiting.map((entry) => (
        <li key={entry.id} className="sa-permission-list-item" data-slot="permission-list-item">
          <PermissionCard entry={entry} {...card} />
        </li>
      ))}
    </ul>
  );
}

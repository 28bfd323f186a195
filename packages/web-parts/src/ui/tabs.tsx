import { type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";

export interface Tab<Id extends string> {
  readonly id: Id;
  readonly label: string;
  readonly count?: number;
  /** Short badge that asks for attention. */
  readonly mark?: string | undefined;
}

/** Tab strip: arrow keys, Home and End move between tabs (WAI-ARIA tabs pattern). */
export function TabStrip<Id extends string>({
  label,
  tabs,
  tab,
  onChange,
  className = "",
}: {
  readonly label: string;
  readonly tabs: readonly Tab<Id>[];
  readonly tab: Id;
  readonly onChange: (tab: Id) => void;
  readonly className?: string;
}) {
  const strip = useRef<HTMLDivElement>(null);
  useEffect(() => {
    strip.current?.querySelector(`#tab-${tab}`)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [tab]);
  const onKeyDown = (event: KeyboardEvent) => {
    // Combinations belong to the browser, such as Alt and ArrowLeft for the previous page.
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const at = tabs.findIndex(({ id }) => id === tab);
    const next = tabs[nextIndex(event.key, at, tabs.length)];
    if (next === undefined) return;
    event.preventDefault();
    onChange(next.id);
    document.getElementById(`tab-${next.id}`)?.focus();
  };
  return (
    <div
      className={`tabs ${className}`.trim()}
      role="tablist"
      aria-label={label}
      ref={strip}
      onKeyDown={onKeyDown}
    >
      {tabs.map(({ id, label: name, count, mark }) => (
        <button
          key={id}
          type="button"
          role="tab"
          id={`tab-${id}`}
          aria-selected={id === tab}
          aria-controls={id === tab ? `panel-${id}` : undefined}
          tabIndex={id === tab ? 0 : -1}
          onClick={() => onChange(id)}
        >
          {name}
          {count !== undefined && count > 0 && <span className="tag">{count}</span>}
          {mark !== undefined && <span className="tag tag-attention">{mark}</span>}
        </button>
      ))}
    </div>
  );
}

/** Panel of the selected tab, linked to it by ARIA attributes. */
export function TabPanel({
  tab,
  className,
  tabIndex,
  children,
}: {
  readonly tab: string;
  readonly className: string;
  /** 0 for a panel that scrolls, to make it reachable by keyboard; -1 for one that receives focus from code. */
  readonly tabIndex?: 0 | -1;
  readonly children: ReactNode;
}) {
  return (
    <section
      key={tab}
      className={className}
      id={`panel-${tab}`}
      role="tabpanel"
      tabIndex={tabIndex}
      aria-labelledby={`tab-${tab}`}
    >
      {children}
    </section>
  );
}

function nextIndex(key: string, at: number, count: number): number {
  switch (key) {
    case "ArrowRight":
      return (at + 1) % count;
    case "ArrowLeft":
      return (at - 1 + count) % count;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return -1;
  }
}

import { type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";

export interface Tab<Id extends string> {
  readonly id: Id;
  readonly label: string;
  readonly count?: number;
  /** A word that asks for attention. */
  readonly mark?: string | undefined;
}

/** A strip of tabs: arrow keys, Home and End move between them (WAI-ARIA tabs pattern). */
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
    // With another key they are the browser's, as Alt and ArrowLeft for the page before.
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

/** The panel of the chosen tab: the strip names it and is named by it. */
export function TabPanel({
  tab,
  className,
  tabIndex,
  children,
}: {
  readonly tab: string;
  readonly className: string;
  /** 0 for a panel that scrolls, so that it is reached by keyboard; -1 for one that is given the focus. */
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

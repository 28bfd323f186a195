import type { KeyboardEvent } from "react";

export type WorkspaceTab = "conversation" | "changes";

const tabs: readonly WorkspaceTab[] = ["conversation", "changes"];
const words: Readonly<Record<WorkspaceTab, string>> = { conversation: "Conversation", changes: "Changes" };

/** The two views of a narrow page, as tabs: arrow keys move between them (WAI-ARIA tabs pattern). */
export function TabList({
  tab,
  onChange,
  approvals,
}: {
  readonly tab: WorkspaceTab;
  readonly onChange: (tab: WorkspaceTab) => void;
  readonly approvals: number;
}) {
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    if (next === undefined) return;
    onChange(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div className="tabs" role="tablist" aria-label="Views of the task" onKeyDown={onKeyDown}>
      {tabs.map((name) => (
        <button
          key={name}
          type="button"
          role="tab"
          id={`tab-${name}`}
          aria-selected={name === tab}
          aria-controls={name === tab ? `panel-${name}` : undefined}
          tabIndex={name === tab ? 0 : -1}
          onClick={() => onChange(name)}
        >
          {words[name]}
          {name === "conversation" && tab !== "conversation" && approvals > 0 && (
            <span className="tag tag-attention">needs you</span>
          )}
        </button>
      ))}
    </div>
  );
}

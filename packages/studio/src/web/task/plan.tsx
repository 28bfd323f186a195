import { visibleText } from "@holdfast/sandbox-react/visible-text";
import type { TranscriptPlanEntry } from "../../transcript.ts";

const statusLabels: Readonly<Record<TranscriptPlanEntry["status"], string>> = {
  pending: "To do",
  in_progress: "Now",
  completed: "Done",
};

/** The agent's plan; collapsed, it shows the progress and the current step. */
export function Plan({ entries }: { readonly entries: readonly TranscriptPlanEntry[] }) {
  const done = entries.filter((entry) => entry.status === "completed").length;
  const current =
    entries.find((entry) => entry.status === "in_progress") ??
    entries.find((entry) => entry.status === "pending");
  return (
    <details className="plan">
      <summary>
        <span className="plan-title">Plan</span>
        <span className="muted">
          {done} of {entries.length}
        </span>
        {current !== undefined && <span className="plan-current">{visibleText(current.content)}</span>}
      </summary>
      <ol>
        {entries.map((entry, index) => (
          <li key={index} className={`plan-entry plan-${entry.status}`}>
            <span className="plan-mark">{statusLabels[entry.status]}</span>
            {visibleText(entry.content)}
          </li>
        ))}
      </ol>
    </details>
  );
}

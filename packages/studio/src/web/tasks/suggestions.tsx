import "./suggestions.css";
import { useQuery } from "@tanstack/react-query";
import { useId } from "react";
import { emptyDraft, type TaskDraft } from "../shared/new-task/task-draft.ts";
import { signInOptionsQuery } from "../shared/people.ts";

/** What to try first with the demo team. A suggestion fills the form in. */
export function Suggestions({
  setDraft,
}: {
  readonly setDraft: (change: (draft: TaskDraft) => TaskDraft) => void;
}) {
  const id = useId();
  const suggestions = useQuery(signInOptionsQuery()).data?.demoTeam?.suggestions ?? [];
  if (suggestions.length === 0) return null;
  return (
    <section className="suggestions" aria-labelledby={id}>
      <h3 id={id}>Try one of these</h3>
      <ul>
        {suggestions.map(({ repository, prompt }) => (
          <li key={prompt}>
            <button
              type="button"
              className="suggestion"
              onClick={() =>
                setDraft((known) => ({
                  ...known,
                  repository: { ...emptyDraft.repository, path: repository },
                  prompt,
                }))
              }
            >
              <span>{prompt}</span>
              <code>{repository}</code>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

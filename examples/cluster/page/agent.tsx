import type { ControlState } from "../control.ts";
import { Figure } from "./counter.tsx";

/** What a viewer of the task sees, in which an agent works on a repository in a jail. */
export function Agent({ agent }: { readonly agent: ControlState["agent"] }) {
  return (
    <section className="card" aria-label="Task">
      <header>
        <h2>An agent at work</h2>
        <span className="muted">{agent?.status ?? "starting"}</span>
      </header>
      <p className="figures">
        <Figure label="Turns done" value={String(agent?.turns ?? 0)} id="turns" />
        <Figure label="Files written" value={String(agent?.files ?? 0)} id="files" />
        <Figure label="Missing in log" value={String(agent?.missing ?? 0)} id="log-missing" />
      </p>
      {agent?.error !== undefined && <p className="danger">{agent.error}</p>}
      <p className="said">{agent?.text}</p>
      <ul className="notes" aria-label="Notes of the Studio">
        {agent?.notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
      <p>
        <a href="/control/studio" target="_blank" rel="noreferrer">
          Open the Studio
        </a>
      </p>
    </section>
  );
}

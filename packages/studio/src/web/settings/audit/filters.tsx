import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { type SubmitEvent, useId, useState } from "react";
import { type AuditDecision, auditDecisions } from "../../../contract/administration.ts";
import type { AuditSearch } from "../audit-search.ts";

const kinds = [
  ["", "Every kind"],
  ["person", "What people did"],
  ["egress", "Requests to the network"],
  ["tool", "Tool calls"],
  ["approval", "Approvals"],
  ["jail", "Jails"],
  ["secret", "Secrets"],
  ["policy", "Policy"],
  ["apply", "Applied branches"],
  ["plugin", "Plugins"],
  ["gate", "Start and end"],
] as const;

interface FiltersProps {
  readonly search: AuditSearch;
  readonly onSearch: (search: AuditSearch) => void;
  /** In a cluster. */
  readonly nodes: readonly string[] | undefined;
}

/** Which records the page shows. What is chosen holds at once, what is typed with the button. */
export function Filters({ search, onSearch, nodes }: FiltersProps) {
  const id = useId();
  const [person, setPerson] = useState(search.person ?? "");
  const [task, setTask] = useState(search.task ?? "");
  const change = (part: { readonly [Name in keyof AuditSearch]?: string | undefined }) => {
    const entries = Object.entries({ ...search, person: person.trim(), task: task.trim(), ...part });
    onSearch(Object.fromEntries(entries.filter(([, value]) => value !== undefined && value !== "")));
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    change({});
  };
  return (
    <form className="settings-form audit-filters" onSubmit={submit} aria-label="Filter">
      <div className="field">
        <label htmlFor={`${id}-type`}>Kind</label>
        <select
          id={`${id}-type`}
          value={search.type ?? ""}
          onChange={(event) => change({ type: event.target.value })}
        >
          {kinds.map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
          {search.type !== undefined && !kinds.some(([value]) => value === search.type) && (
            <option value={search.type}>{visibleText(search.type)}</option>
          )}
        </select>
      </div>
      <div className="field">
        <label htmlFor={`${id}-decision`}>Decision</label>
        <select
          id={`${id}-decision`}
          value={search.decision ?? ""}
          onChange={(event) => change({ decision: event.target.value })}
        >
          <option value="">Any</option>
          {auditDecisions.map((each) => (
            <option key={each} value={each}>
              {decisionNames[each]}
            </option>
          ))}
        </select>
      </div>
      {nodes !== undefined && (
        <div className="field">
          <label htmlFor={`${id}-node`}>Node</label>
          <select
            id={`${id}-node`}
            value={search.node ?? ""}
            onChange={(event) => change({ node: event.target.value })}
          >
            <option value="">All nodes</option>
            {[...new Set([...nodes, ...(search.node === undefined ? [] : [search.node])])].map((name) => (
              <option key={name} value={name}>
                {visibleText(name)}
              </option>
            ))}
          </select>
        </div>
      )}
      <div className="field">
        <label htmlFor={`${id}-person`}>Person</label>
        <input
          id={`${id}-person`}
          value={person}
          autoComplete="off"
          placeholder="Name, mail or id"
          onChange={(event) => setPerson(event.target.value)}
        />
      </div>
      <div className="field">
        <label htmlFor={`${id}-task`}>Task</label>
        <input
          id={`${id}-task`}
          value={task}
          autoComplete="off"
          placeholder="Id"
          onChange={(event) => setTask(event.target.value)}
        />
      </div>
      {(["since", "until"] as const).map((name) => (
        <div key={name} className="field">
          <label htmlFor={`${id}-${name}`}>{name === "since" ? "From" : "To"}</label>
          <input
            id={`${id}-${name}`}
            type="date"
            value={search[name] ?? ""}
            onChange={(event) => change({ [name]: event.target.value })}
          />
        </div>
      ))}
      <button type="submit" className="button">
        Filter
      </button>
    </form>
  );
}

const decisionNames: Readonly<Record<AuditDecision, string>> = {
  allow: "Allowed",
  ask: "Asked a person",
  deny: "Denied",
};

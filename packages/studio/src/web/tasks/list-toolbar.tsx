import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { useDebounced } from "@holdfast/web-parts";
import { formatCount } from "@holdfast/web-parts/format";
import { useEffect, useId, useState } from "react";
import type { SavedView, TaskCount, TaskCounts, TaskGrouping, TaskStatus } from "../../contract.ts";
import { baseName } from "../shared/base-name.ts";
import { statusLabel } from "../shared/status.tsx";
import type { TaskSearch } from "../shared/task-list/task-filter.ts";

/** Time after the last key before the server searches, in milliseconds. */
const searchDelayMs = 200;

/** Search, filters and grouping of the list. All of it stands in the address. */
export function ListToolbar({
  search,
  kind,
  counts,
  onChange,
}: {
  readonly search: TaskSearch;
  /** A board has its columns for groups. */
  readonly kind: SavedView["kind"];
  /** Numbers of all tasks, archived or not as the search says. */
  readonly counts: TaskCounts | undefined;
  /** Called with the parts that change; undefined removes one. */
  readonly onChange: (change: { readonly [Name in keyof TaskSearch]: TaskSearch[Name] | undefined }) => void;
}) {
  return (
    <search className="list-toolbar" aria-label="Tasks">
      <SearchField value={search.q ?? ""} onChange={(q) => onChange({ q: q === "" ? undefined : q })} />
      <div className="list-filters">
        <Choice
          label="States"
          none="All states"
          value={search.status}
          options={counts?.statuses}
          text={(value) => statusLabel(value as TaskStatus)}
          onChange={(status) => onChange({ status: status as TaskStatus | undefined })}
        />
        <Choice
          label="Repositories"
          none="All repositories"
          value={search.repository}
          options={counts?.repositories}
          text={baseName}
          onChange={(repository) => onChange({ repository })}
        />
        <Choice
          label="Agents"
          none="All agents"
          value={search.agent}
          options={counts?.agents}
          onChange={(agent) => onChange({ agent })}
        />
        {((counts !== undefined && counts.owners.length > 0) || search.owner !== undefined) && (
          <Choice
            label="Owners"
            none="All owners"
            value={search.owner}
            options={counts?.owners}
            text={(value) =>
              visibleText(counts?.owners.find((each) => each.value === value)?.name ?? "Somebody")
            }
            onChange={(owner) => onChange({ owner })}
          />
        )}
        {((counts !== undefined && counts.labels.length > 0) || search.label !== undefined) && (
          <Choice
            label="Labels"
            none="All labels"
            value={search.label}
            options={counts?.labels}
            text={visibleText}
            onChange={(label) => onChange({ label })}
          />
        )}
        {kind === "list" && (
          <Choice
            label="Groups"
            none="No groups"
            value={search.group}
            options={groupings}
            text={(value) => groupingLabels[value as TaskGrouping]}
            onChange={(group) => onChange({ group: group as TaskGrouping | undefined })}
          />
        )}
        {kind === "board" && (
          <Choice
            label="To start"
            none="Pull requests, issues"
            value={search.items}
            options={itemKinds}
            text={(value) => (value === "issue" ? "Issues only" : "Pull requests only")}
            onChange={(items) => onChange({ items: items as TaskSearch["items"] })}
          />
        )}
        <Toggle
          label={
            counts === undefined || counts.unread === 0 ? "Unread" : `Unread ${formatCount(counts.unread)}`
          }
          pressed={search.unread === true}
          onChange={(pressed) => onChange({ unread: pressed || undefined })}
        />
        <Toggle
          label="Archive"
          pressed={search.archived === true}
          onChange={(pressed) => onChange({ archived: pressed || undefined })}
        />
      </div>
    </search>
  );
}

const groupingLabels: Readonly<Record<TaskGrouping, string>> = {
  status: "By state",
  repository: "By repository",
  agent: "By agent",
  owner: "By owner",
  label: "By label",
};
const groupings = Object.keys(groupingLabels).map((value) => ({ value, count: undefined }));

const itemKinds = ["pull-request", "issue"].map((value) => ({ value, count: undefined }));

function SearchField({
  value,
  onChange,
}: {
  readonly value: string;
  readonly onChange: (value: string) => void;
}) {
  const [typed, setTyped] = useState(value);
  const settled = useDebounced(typed, searchDelayMs);
  // The address may change by other means: back, or a link.
  useEffect(() => setTyped(value), [value]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only what was typed changes the address
  useEffect(() => {
    if (settled.trim() !== value.trim() && settled === typed) onChange(settled.trim());
  }, [settled]);
  return (
    <input
      type="search"
      className="list-search"
      aria-label="Search tasks"
      placeholder="Search titles, labels, prompts and transcripts"
      value={typed}
      maxLength={200}
      spellCheck={false}
      autoComplete="off"
      onChange={(event) => setTyped(event.target.value)}
    />
  );
}

function Choice({
  label,
  none,
  value,
  options = [],
  text = (each) => each,
  onChange,
}: {
  readonly label: string;
  readonly none: string;
  readonly value: string | undefined;
  readonly options:
    | readonly { readonly value: string; readonly count: TaskCount["count"] | undefined }[]
    | undefined;
  readonly text?: (value: string) => string;
  readonly onChange: (value: string | undefined) => void;
}) {
  const id = useId();
  const isKnown = value === undefined || options.some((each) => each.value === value);
  return (
    <>
      <label htmlFor={id} className="visually-hidden">
        {label}
      </label>
      <select
        id={id}
        className={value === undefined ? "list-choice" : "list-choice list-choice-set"}
        value={value ?? ""}
        onChange={(event) => onChange(event.target.value === "" ? undefined : event.target.value)}
      >
        <option value="">{none}</option>
        {!isKnown && <option value={value}>{text(value)}</option>}
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {text(option.value)}
            {option.count === undefined ? "" : ` (${formatCount(option.count)})`}
          </option>
        ))}
      </select>
    </>
  );
}

function Toggle({
  label,
  pressed,
  onChange,
}: {
  readonly label: string;
  readonly pressed: boolean;
  readonly onChange: (pressed: boolean) => void;
}) {
  return (
    <button
      type="button"
      className="button button-small list-toggle"
      aria-pressed={pressed}
      onClick={() => onChange(!pressed)}
    >
      {label}
    </button>
  );
}

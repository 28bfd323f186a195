/** The audit log: filters, pages, verification, export. */
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { CheckIcon, CrossIcon, Empty, ErrorNotice, Loading } from "@holdfast/web-parts";
import { formatCount, formatDateTime } from "@holdfast/web-parts/format";
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { type SubmitEvent, useId, useState } from "react";
import { type AuditCheck, type AuditDecision, auditDecisions } from "../../../contract/administration.ts";
import { useApi } from "../../shared/context.ts";
import { MoreButton } from "../../shared/more-button.tsx";
import type { AuditSearch } from "../audit-search.ts";
import { auditQuery } from "../queries.ts";
import { SettingsPage } from "../settings-page.tsx";
import { downloadRecords } from "./download-records.ts";
import { Record } from "./record.tsx";

interface SearchProps {
  readonly search: AuditSearch;
  readonly onSearch: (search: AuditSearch) => void;
}

export function AuditScreen({ search, onSearch }: SearchProps) {
  const api = useApi();
  const log = useInfiniteQuery(auditQuery(api, search));
  const verify = useMutation({ mutationFn: () => api.administration.verifyAudit() });
  const save = useMutation({ mutationFn: () => downloadRecords(api, search) });
  const records = log.data?.pages.flatMap((page) => page.records) ?? [];
  return (
    <SettingsPage
      title="Audit log"
      needs="admin"
      actions={
        <span className="audit-actions">
          <button
            type="button"
            className="button"
            disabled={verify.isPending}
            onClick={() => verify.mutate()}
          >
            {verify.isPending ? "Verifying…" : "Verify the chain"}
          </button>
          <button type="button" className="button" disabled={save.isPending} onClick={() => save.mutate()}>
            {save.isPending ? "Exporting…" : "Export"}
          </button>
        </span>
      }
    >
      <div aria-live="polite">{verify.data !== undefined && <Verified check={verify.data} />}</div>
      {verify.isError && <ErrorNotice error={verify.error} title="The log was not verified." />}
      {save.isError && <ErrorNotice error={save.error} title="Nothing was exported." />}
      <Filters search={search} onSearch={onSearch} />
      {log.isPending && <Loading label="Loading the audit log" rows={8} />}
      {log.isError && log.data === undefined && (
        <ErrorNotice error={log.error} onRetry={() => void log.refetch()} />
      )}
      {log.data !== undefined && records.length === 0 && (
        <Empty title={log.hasNextPage ? "None of the newest records matches" : "No record matches"} />
      )}
      {records.length > 0 && (
        <ol className="rows audit-records" aria-label="Records, the newest first">
          {records.map((record) => (
            <Record key={record.seq} record={record} />
          ))}
        </ol>
      )}
      <MoreButton pages={log} label={records.length === 0 ? "Search further back" : "Show older records"} />
    </SettingsPage>
  );
}

function Verified({ check }: { readonly check: AuditCheck }) {
  const { isIntact, records, signedTo, problem, badRecord, lastGood, durationMs } = check;
  if (isIntact)
    return (
      <p className="notice audit-verified" data-testid="audit-intact">
        <CheckIcon /> The chain is intact: {formatCount(records)} records
        {signedTo === undefined ? "" : `, signed up to record ${formatCount(signedTo)}`} ({durationMs} ms).
      </p>
    );
  return (
    <div className="notice notice-error audit-verified" role="alert" data-testid="audit-broken">
      <p>
        <CrossIcon /> <strong>The log was changed.</strong> The first bad record is{" "}
        {formatCount(badRecord ?? 0)}: {problem}. {formatCount(records)} records before it are intact
        {lastGood === undefined ? "" : `, the last of ${formatDateTime(lastGood.at)} (${lastGood.type})`}.
      </p>
      <p>
        Compare it with a backup or a checkpoint that is kept elsewhere:{" "}
        <code>npx holdfast audit verify --against FILE</code>
      </p>
    </div>
  );
}

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

function Filters({ search, onSearch }: SearchProps) {
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

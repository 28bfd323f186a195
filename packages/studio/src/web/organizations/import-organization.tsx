import { ErrorNotice } from "@holdfast/web-parts";
import { type SubmitEvent, useId, useState } from "react";
import type { ImportedOrganization } from "../../contract/people.ts";
import { openOrganization } from "../shared/organizations/current.ts";
import { counted } from "./counted.ts";
import { organizationsApi, useOrganizationsChange } from "./queries.ts";

/** Creates an organization from the archive of another one, and says what it has not brought. */
export function ImportOrganization() {
  const id = useId();
  const [name, setName] = useState("");
  const [file, setFile] = useState<File>();
  const change = useOrganizationsChange((given: { readonly name: string; readonly file: File }) =>
    organizationsApi.import(given.name, given.file),
  );
  const isReady = name.trim() !== "" && file !== undefined && !change.isPending;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (isReady) change.mutate({ name: name.trim(), file });
  };
  return (
    <section aria-labelledby="import-heading" className="organization-section">
      <h2 id="import-heading">Import</h2>
      <p className="muted">
        An archive becomes a new organization: all of it, or nothing. Secrets, sign-ins and files of tasks are
        not in it.
      </p>
      <form className="organization-form" onSubmit={submit}>
        <div className="field">
          <label htmlFor={`${id}-file`}>Archive</label>
          <input
            id={`${id}-file`}
            type="file"
            accept=".gz,application/gzip"
            onChange={(event) => setFile(event.target.files?.[0])}
          />
        </div>
        <div className="field">
          <label htmlFor={`${id}-name`}>Name of the imported organization</label>
          <input
            id={`${id}-name`}
            value={name}
            maxLength={100}
            autoComplete="off"
            onChange={(event) => setName(event.target.value)}
          />
        </div>
        <button type="submit" className="button" disabled={!isReady}>
          {change.isPending ? "Importing…" : "Import organization"}
        </button>
        {change.isError && <ErrorNotice error={change.error} title="Nothing was imported." />}
      </form>
      {change.data !== undefined && <Imported made={change.data} />}
    </section>
  );
}

function Imported({ made }: { readonly made: ImportedOrganization }) {
  const { tasks, repositories, schedules, invitations, notCarried } = made.report;
  return (
    <div className="notice" role="status">
      <p>
        Imported: {counted(tasks, "task", "tasks")}, {counted(repositories, "repository", "repositories")},{" "}
        {counted(schedules, "paused schedule", "paused schedules")},{" "}
        {counted(invitations, "invitation", "invitations")}. Not carried:
      </p>
      <ul className="organization-contents">
        {notCarried.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      <button type="button" className="button" onClick={() => openOrganization(made.id)}>
        Open it
      </button>
    </div>
  );
}

import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ConfirmButton, ErrorNotice, Loading, useAnnounce } from "@holdfast/web-parts";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import { keys } from "../../api/queries.ts";
import { type ConfigKind, useConfigApi } from "./config-api.ts";

/** The entries of one kind, each with its JSON, and a form for a new one. */
export function ConfigSection({
  kind,
  directory,
}: {
  readonly kind: ConfigKind;
  readonly directory: string;
}) {
  const id = useId();
  const config = useConfigApi(kind, directory);
  const [adding, setAdding] = useState(false);
  const { data, error, refetch } = useQuery({
    queryKey: [...keys.config, kind.route, directory],
    queryFn: ({ signal }) => config.names(signal),
  });
  return (
    <section className="config" aria-labelledby={id}>
      <div className="card-head">
        <h2 id={id}>{kind.title}</h2>
        <button
          type="button"
          className="button button-small"
          disabled={adding}
          onClick={() => setAdding(true)}
        >
          Add {kind.noun}
        </button>
      </div>
      <p className="muted small">{kind.hint}</p>
      {data === undefined && error === null && <Loading label={`Loading: ${kind.title}`} rows={2} />}
      {error !== null && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {data?.length === 0 && !adding && <p className="muted">None in this folder.</p>}
      <ul className="cards">
        {adding && (
          <li>
            <NewEntry
              kind={kind}
              directory={directory}
              existingNames={data ?? []}
              onDone={() => setAdding(false)}
            />
          </li>
        )}
        {data?.map((name) => (
          <li key={name}>
            <Entry kind={kind} directory={directory} name={name} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Entry({
  kind,
  directory,
  name,
}: {
  readonly kind: ConfigKind;
  readonly directory: string;
  readonly name: string;
}) {
  const config = useConfigApi(kind, directory);
  const queries = useQueryClient();
  const queryKey = [...keys.config, kind.route, directory, name];
  const { data, error, refetch } = useQuery({ queryKey, queryFn: ({ signal }) => config.read(name, signal) });
  return (
    <article className="card" aria-label={name}>
      <div className="card-head">
        <h3>{visibleText(name)}</h3>
        <ConfirmButton
          label="Delete"
          accessibleLabel={`Delete ${kind.noun} ${name}`}
          title={`Delete ${name}?`}
          confirmLabel="Delete"
          onConfirm={async () => {
            await config.remove(name);
            await queries.invalidateQueries({
              queryKey: [...keys.config, kind.route, directory],
              exact: true,
            });
          }}
        >
          <p>New sessions will no longer get it.</p>
        </ConfirmButton>
      </div>
      {data === undefined && error !== null && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {data !== undefined && <JsonForm {...{ kind, directory, name }} value={data} />}
    </article>
  );
}

function NewEntry({
  kind,
  directory,
  existingNames,
  onDone,
}: {
  readonly kind: ConfigKind;
  readonly directory: string;
  /** Names in use: a new entry must not replace an existing one. */
  readonly existingNames: readonly string[];
  readonly onDone: () => void;
}) {
  const id = useId();
  const [name, setName] = useState("");
  const isTaken = existingNames.includes(name.trim());
  return (
    <article className="card stack" aria-label={`New ${kind.noun}`}>
      <div className="field">
        <label htmlFor={id}>Name</label>
        <input
          id={id}
          value={name}
          spellCheck={false}
          autoComplete="off"
          aria-invalid={isTaken || undefined}
          aria-describedby={isTaken ? `${id}-taken` : undefined}
          onChange={(event) => setName(event.target.value)}
        />
        {isTaken && (
          <p id={`${id}-taken`} className="field-error" role="alert">
            This name is taken. Edit the existing entry, or choose another name.
          </p>
        )}
      </div>
      <JsonForm
        {...{ kind, directory, onDone }}
        name={isTaken ? "" : name.trim()}
        value={kind.sample}
        isNew
      />
    </article>
  );
}

/** The JSON editor of one entry. Syntax errors are shown immediately; refusals of the server with its message. */
function JsonForm({
  kind,
  directory,
  name,
  value,
  isNew = false,
  onDone,
}: {
  readonly kind: ConfigKind;
  readonly directory: string;
  readonly name: string;
  readonly value: object;
  readonly isNew?: boolean;
  readonly onDone?: () => void;
}) {
  const config = useConfigApi(kind, directory);
  const queries = useQueryClient();
  const announce = useAnnounce();
  const before = JSON.stringify(value, null, 2);
  const [draft, setDraft] = useState<string>();
  const text = draft ?? before;
  const parsed = parseObject(text);
  const save = useMutation({
    mutationFn: ({ changed }: { readonly changed: object; readonly typed: string }) =>
      config.write(name, changed),
    async onSuccess(_saved, { typed }) {
      announce("Saved.");
      // Before the list is refetched, which would make this form report its own name as taken.
      onDone?.();
      await queries.invalidateQueries({ queryKey: [...keys.config, kind.route, directory] });
      // Edits made while saving are kept.
      setDraft((now) => (now === typed ? undefined : now));
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (parsed !== undefined && name !== "" && !save.isPending) save.mutate({ changed: parsed, typed: text });
  };
  return (
    <form className="stack" onSubmit={submit}>
      <textarea
        className="mono"
        aria-label={isNew ? `JSON of the new ${kind.noun}` : `JSON of ${name}`}
        aria-invalid={parsed === undefined || undefined}
        rows={Math.min(16, text.split("\n").length + 1)}
        value={text}
        spellCheck={false}
        onChange={(event) => setDraft(event.target.value)}
      />
      {parsed === undefined && <p className="field-error">This is not a JSON object.</p>}
      {save.isError && <ErrorNotice error={save.error} title="The entry was not saved." />}
      <div className="actions">
        <button
          type="submit"
          className="button button-small button-primary"
          disabled={parsed === undefined || name === "" || save.isPending || (!isNew && text === before)}
        >
          Save
        </button>
        {onDone !== undefined && (
          <button type="button" className="button button-small" onClick={onDone}>
            Cancel
          </button>
        )}
      </div>
    </form>
  );
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { useInfiniteQuery } from "@tanstack/react-query";
import { type Dispatch, type FormEvent, type SetStateAction, useRef, useState } from "react";
import { formatBytes } from "../../format.ts";
import { ConfirmButton, Empty, ErrorNotice, Loading, useAnnounce, useDebounced } from "../../index.ts";
import { MoreButton } from "../../ui/more-button.tsx";
import { useOpenActor } from "../api/context.ts";
import { kvQuery, useActorMutation } from "../api/queries.ts";
import type { KvEntry } from "../api/types.ts";
import { base64url } from "../api/values.ts";
import { CodeField, TextField } from "../parts/fields.tsx";

interface Draft {
  /** In base64url, for an existing entry; undefined if the text field decides. */
  readonly encodedKey?: string;
  readonly key: string;
  readonly text: string;
}

const nothing: Draft = { key: "", text: "" };

/** Entries ordered by key, to browse, write and delete. */
export function KvTab() {
  const { address } = useOpenActor();
  const [prefix, setPrefix] = useState("");
  const [draft, setDraft] = useState<Draft>(nothing);
  const form = useRef<HTMLFormElement>(null);
  const query = useInfiniteQuery(kvQuery(address, useDebounced(prefix, 200)));
  const entries = query.data?.pages.flatMap((page) => page.entries);
  return (
    <>
      <div className="panel-head">
        <h2>Key-value entries</h2>
      </div>
      <div className="panel-columns">
        <PutForm draft={draft} onDraft={setDraft} form={form} />
        <div>
          <div className="panel-filters">
            <TextField label="Key begins with" type="search" value={prefix} onChange={setPrefix} />
          </div>
          {query.isPending && <Loading label="Loading entries" />}
          {query.isError && <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />}
          {entries?.length === 0 && (
            <Empty title={prefix === "" ? "No entry" : "No entries begin with this"} />
          )}
          {entries !== undefined && entries.length > 0 && (
            <ul className="rows">
              {entries.map((entry) => (
                <EntryRow
                  key={entry.key}
                  entry={entry}
                  onEdit={() => {
                    setDraft({ encodedKey: entry.key, key: entryKey(entry), text: entry.text ?? "" });
                    form.current?.querySelector("textarea")?.focus();
                  }}
                />
              ))}
            </ul>
          )}
          <MoreButton pages={query} label="Show more entries" />
        </div>
      </div>
    </>
  );
}

function entryKey(entry: KvEntry): string {
  return entry.keyText ?? entry.key;
}

function PutForm({
  draft,
  onDraft,
  form,
}: {
  readonly draft: Draft;
  readonly onDraft: Dispatch<SetStateAction<Draft>>;
  readonly form: React.RefObject<HTMLFormElement | null>;
}) {
  const { address, api } = useOpenActor();
  const announce = useAnnounce();
  const put = useActorMutation(
    address,
    ({ encodedKey, key, text }: Draft) => api.putKv(encodedKey ?? base64url(key), text),
    "kv",
  );
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (draft.key === "" || put.isPending) return;
    put.mutate(draft, {
      onSuccess() {
        announce("Put.");
        // Text typed in the meantime belongs to another entry, or is another value of this one.
        onDraft((now) => (now === draft ? nothing : now));
      },
    });
  };
  return (
    <form className="panel-form" aria-label="Put an entry" ref={form} onSubmit={submit}>
      <TextField label="Key" value={draft.key} onChange={(key) => onDraft({ key, text: draft.text })} />
      <CodeField
        label="Value"
        value={draft.text}
        onChange={(text) => onDraft({ ...draft, text })}
        onSubmit={submit}
        help="Stored as UTF-8."
      />
      {put.isError && <ErrorNotice error={put.error} title="The entry was not saved." />}
      <div className="form-foot">
        <button type="submit" className="button button-primary" disabled={draft.key === "" || put.isPending}>
          Put
        </button>
      </div>
    </form>
  );
}

function EntryRow({ entry, onEdit }: { readonly entry: KvEntry; readonly onEdit: () => void }) {
  const { address, api } = useOpenActor();
  const remove = useActorMutation(address, () => api.deleteKv(entry.key), "kv");
  const name = visibleText(entryKey(entry));
  return (
    <li className="row" data-kv={entryKey(entry)}>
      <div className="row-main">
        <p className="row-title">
          <code>{name}</code> {entry.keyText === undefined && <span className="tag">base64url</span>}{" "}
          <span className="muted small">{formatBytes(entry.size)}</span>
        </p>
        {entry.text === undefined ? (
          <p className="muted">These bytes are not text.</p>
        ) : (
          <pre className="kv-text">{visibleText(entry.text)}</pre>
        )}
      </div>
      <div className="row-deeds">
        {entry.text !== undefined && (
          <button type="button" className="button button-small" aria-label={`Edit ${name}`} onClick={onEdit}>
            Edit
          </button>
        )}
        <ConfirmButton
          label="Delete"
          accessibleLabel={`Delete ${name}`}
          title={`Delete ${name}?`}
          confirmLabel="Delete"
          onConfirm={() => remove.mutateAsync(undefined)}
        >
          <p>The actor can no longer read it.</p>
        </ConfirmButton>
      </div>
    </li>
  );
}

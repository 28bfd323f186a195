import { useEffect, useId, useMemo, useRef, useState } from "react";
import { CopyButton, ErrorNotice, useAnnounce } from "../../index.ts";
import { useOpenActor } from "../api/context.ts";
import { useActorMutation } from "../api/queries.ts";
import { formatValue, parseValue } from "../api/values.ts";
import { CodeField } from "../parts/fields.tsx";
import { JsonTree } from "../parts/json-tree.tsx";

/** The live state, and an editor for it as JSON. */
export function StateTab() {
  const { actor } = useOpenActor();
  const [editing, setEditing] = useState(false);
  const edit = useRef<HTMLButtonElement>(null);
  const wasEditing = useRef(false);
  const heading = useId();
  useEffect(() => {
    // The form with the focused element has been unmounted.
    if (wasEditing.current && !editing) edit.current?.focus();
    wasEditing.current = editing;
  }, [editing]);
  return (
    <>
      <div className="panel-head">
        <h2 id={heading}>State</h2>
        {!editing && (
          <div className="panel-deeds">
            <CopyButton text={() => formatValue(actor.state)} label="Copy the state as JSON" />
            <button type="button" className="button button-small" ref={edit} onClick={() => setEditing(true)}>
              Edit
            </button>
          </div>
        )}
      </div>
      {editing ? (
        <StateForm onDone={() => setEditing(false)} />
      ) : (
        <div className="box" data-testid="state">
          <JsonTree value={actor.state} label="state" />
        </div>
      )}
    </>
  );
}

function StateForm({ onDone }: { readonly onDone: () => void }) {
  const { address, actor, api } = useOpenActor();
  const announce = useAnnounce();
  const form = useRef<HTMLFormElement>(null);
  const [base, setBase] = useState(() => formatValue(actor.state));
  const [text, setText] = useState(base);
  const latest = useRef(text);
  const parsed = parseValue(text);
  const now = useMemo(() => formatValue(actor.state), [actor.state]);
  const save = useActorMutation(address, (state: unknown) => api.setState(state));
  useEffect(() => form.current?.querySelector("textarea")?.focus(), []);
  const write = (typed: string) => {
    latest.current = typed;
    setText(typed);
  };
  const submit = () => {
    if (!parsed.ok || save.isPending) return;
    const { value } = parsed;
    save.mutate(value, {
      onSuccess() {
        announce("Saved.");
        // Edits made while saving are kept.
        if (latest.current === text) onDone();
        else setBase(formatValue(value));
      },
    });
  };
  return (
    <form
      ref={form}
      className="panel-form"
      aria-label="Edit the state"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <CodeField
        label="State as JSON"
        rows={14}
        value={text}
        onChange={write}
        onSubmit={submit}
        problem={parsed.ok ? undefined : parsed.problem}
        help='Replaces the complete state. Values that JSON lacks are tagged: ["$BigInt","1"], ["$Date",0].'
      />
      {now !== base && (
        <div className="notice notice-warning" role="status">
          <p>The state has changed since you started editing. Saving overwrites it.</p>
          <p className="notice-foot">
            <button
              type="button"
              className="button button-small"
              onClick={() => {
                setBase(now);
                write(now);
              }}
            >
              Start from the new state
            </button>
          </p>
        </div>
      )}
      {save.isError && <ErrorNotice error={save.error} title="The state was not saved." />}
      <div className="form-foot">
        <button type="submit" className="button button-primary" disabled={!parsed.ok || save.isPending}>
          {save.isPending ? "Saving…" : "Save"}
        </button>
        <button type="button" className="button" onClick={onDone}>
          Cancel
        </button>
      </div>
    </form>
  );
}

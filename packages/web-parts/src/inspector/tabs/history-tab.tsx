import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { formatDateTime } from "../../format.ts";
import { ErrorNotice } from "../../index.ts";
import { useOpenActor } from "../api/context.ts";
import { parseValue } from "../api/values.ts";
import { CodeField, TextField } from "../parts/fields.tsx";
import { JsonTree } from "../parts/json-tree.tsx";

/** The history of the actor: its state at an earlier time, a fork, and an export. */
export function HistoryTab() {
  const { api } = useOpenActor();
  const [time, setTime] = useState(() => localTime(Date.now()));
  const at = new Date(time).getTime();
  const stateAt = useMutation({
    mutationFn: async (when: number) => ({ when, state: await api.stateAt(when) }),
  });
  return (
    <>
      <div className="panel-head">
        <h2>History</h2>
        <div className="panel-deeds">
          <a className="button button-small" href={api.exportUrl} download>
            Export
          </a>
        </div>
      </div>
      <form
        className="panel-form"
        aria-label="Earlier state"
        onSubmit={(event) => {
          event.preventDefault();
          if (Number.isFinite(at)) stateAt.mutate(at);
        }}
      >
        <TextField
          label="Time"
          type="datetime-local"
          value={time}
          onChange={setTime}
          help="In your time zone. The actor's retention limits how far back you can go."
        />
        <div className="form-foot">
          <button
            type="submit"
            className="button button-primary"
            disabled={!Number.isFinite(at) || stateAt.isPending}
          >
            Show the state
          </button>
        </div>
      </form>
      {stateAt.isError && (
        <ErrorNotice error={stateAt.error} title="The state at this time is not available." />
      )}
      {stateAt.isSuccess && (
        <div className="box" data-testid="state-at">
          <p className="row-meta">State at {formatDateTime(stateAt.data.when)}</p>
          <JsonTree value={stateAt.data.state} label="state" />
        </div>
      )}
      <ForkForm at={at} />
    </>
  );
}

function ForkForm({ at }: { readonly at: number }) {
  const { address, api } = useOpenActor();
  const [text, setText] = useState("");
  const [past, setPast] = useState(false);
  const parsed = parseKey(text);
  const fork = useMutation({
    mutationFn: (key: readonly string[]) => api.fork({ key, ...(past && Number.isFinite(at) ? { at } : {}) }),
  });
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (parsed.key !== undefined && !fork.isPending) fork.mutate(parsed.key);
  };
  return (
    <>
      <h3>Fork</h3>
      <form className="panel-form" aria-label="Fork the actor" onSubmit={submit}>
        <CodeField
          label="Key of the new actor"
          rows={1}
          value={text}
          onChange={setText}
          onSubmit={submit}
          problem={text === "" ? undefined : parsed.problem}
          help='Text, or a list of texts as JSON: ["a", "b"].'
        />
        <div className="form-foot">
          <button
            type="submit"
            className="button button-primary"
            disabled={parsed.key === undefined || fork.isPending}
          >
            {fork.isPending ? "Forking…" : "Fork"}
          </button>
          <label className="check">
            <input type="checkbox" checked={past} onChange={(event) => setPast(event.target.checked)} />
            At the time above
          </label>
        </div>
        {fork.isError && <ErrorNotice error={fork.error} title="The actor was not forked." />}
        {fork.isSuccess && (
          <p role="status">
            Done:{" "}
            <Link to="/inspector/$name/$actorId" params={{ name: address.name, actorId: fork.data.id }}>
              open the new actor
            </Link>
          </p>
        )}
      </form>
    </>
  );
}

function parseKey(text: string): { readonly key?: readonly string[]; readonly problem?: string } {
  if (text.trim() === "") return {};
  if (!text.trim().startsWith("[")) return { key: [text.trim()] };
  const parsed = parseValue(text);
  if (!parsed.ok) return { problem: parsed.problem };
  const { value } = parsed;
  if (Array.isArray(value) && value.every((part) => typeof part === "string")) return { key: value };
  return { problem: "A key is text or a list of texts." };
}

/** A value for `datetime-local`: the local time, rounded up to a second. */
function localTime(time: number): string {
  const at = Math.ceil(time / 1_000) * 1_000;
  const offsetMs = new Date(at).getTimezoneOffset() * 60_000;
  return new Date(at - offsetMs).toISOString().slice(0, 19);
}

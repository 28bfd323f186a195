/** The tabs of an actor, one file each. */

import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { formatClock } from "../../format.ts";
import { Empty, ErrorNotice, useAnnounce } from "../../index.ts";
import { type CompletedCall, recordCall, useCalls } from "../api/calls.ts";
import { useOpenActor } from "../api/context.ts";
import { parseArguments } from "../api/values.ts";
import { CodeField, SelectField } from "../parts/fields.tsx";
import { Value } from "../parts/value.tsx";

/** Calls actions, and keeps the results while the page is open. */
export function ActionsTab() {
  const { address, actor, api } = useOpenActor();
  const announce = useAnnounce();
  const calls = useCalls(address.id);
  const [action, setAction] = useState(calls[0]?.action ?? actor.rpcs[0] ?? "");
  const [text, setText] = useState(calls[0]?.text ?? "[]");
  const parsed = parseArguments(text);
  const call = useMutation({
    async mutationFn(given: {
      readonly action: string;
      readonly text: string;
      readonly args: readonly unknown[];
    }) {
      const at = Date.now();
      const began = performance.now();
      const result = await api.call(given.action, given.args).then(
        (output) => ({ output }),
        (error: unknown) => ({ error }),
      );
      const durationMs = performance.now() - began;
      return { action: given.action, text: given.text, at, durationMs, ...result };
    },
    onSuccess(done: Omit<CompletedCall, "seq">) {
      recordCall(address.id, done);
      announce("error" in done ? `${done.action} failed.` : `${done.action} completed.`);
    },
  });
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (!parsed.ok || call.isPending) return;
    call.mutate({ action, text, args: parsed.value as readonly unknown[] });
  };
  return (
    <>
      <div className="panel-head">
        <h2>Actions</h2>
      </div>
      <div className="panel-columns">
        <form className="panel-form" aria-label="Call an action" onSubmit={submit}>
          <SelectField label="Action" value={action} onChange={setAction}>
            {actor.rpcs.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </SelectField>
          <CodeField
            label="Arguments"
            value={text}
            onChange={setText}
            onSubmit={submit}
            problem={parsed.ok ? undefined : parsed.problem}
            help='A list as JSON, such as ["text", 1]. Press Ctrl+Enter to call.'
          />
          <div className="form-foot">
            <button type="submit" className="button button-primary" disabled={!parsed.ok || call.isPending}>
              {call.isPending ? "Calling…" : "Call"}
            </button>
          </div>
        </form>
        <div>
          <h3>Calls from this page</h3>
          {calls.length === 0 ? (
            <Empty title="No calls yet">Results and errors are kept here until the page is closed.</Empty>
          ) : (
            <ul className="rows">
              {calls.map((done) => (
                <CallRow
                  key={done.seq}
                  call={done}
                  onAgain={() => {
                    setAction(done.action);
                    setText(done.text);
                  }}
                />
              ))}
            </ul>
          )}
        </div>
      </div>
    </>
  );
}

function CallRow({ call, onAgain }: { readonly call: CompletedCall; readonly onAgain: () => void }) {
  const failed = "error" in call;
  return (
    <li className="row" data-call={call.action} data-result={failed ? "error" : "ok"}>
      <div className="row-main">
        <p className="row-title">
          <code>
            {call.action}({call.text.trim().replace(/^\[|\]$/g, "")})
          </code>{" "}
          <span className="muted small">
            {formatClock(call.at)}, {Math.round(call.durationMs)} ms
          </span>
        </p>
        {failed ? (
          <ErrorNotice error={call.error} />
        ) : (
          <Value value={call.output ?? null} label={`Result of ${call.action}`} />
        )}
      </div>
      <button
        type="button"
        className="button button-small"
        aria-label={`Fill in ${call.action} again`}
        onClick={onAgain}
      >
        Fill in
      </button>
    </li>
  );
}

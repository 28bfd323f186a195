import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, Loading, useAnnounce } from "@holdfast/web-parts";
import { formatDateTime } from "@holdfast/web-parts/format";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type SubmitEvent, useId, useState } from "react";
import type { PolicyAnswer, PolicyDryRun, PolicyView } from "../../contract/administration.ts";
import { useApi } from "../shared/context.ts";
import { useProfile } from "../shared/people.ts";
import { policyQuery, useSettingsChange } from "./queries.ts";
import { SettingsPage } from "./settings-page.tsx";

/** The policy of tool calls: its file, what it decides about a call, and what a change would have changed. */
export function PolicyScreen() {
  const query = useQuery(policyQuery(useApi()));
  const { data } = query;
  return (
    <SettingsPage
      title="Policy"
      needs="machine"
      actions={
        <Link to="/settings/policy/accepted" className="button">
          Accepted rules
        </Link>
      }
    >
      {query.isPending && <Loading label="Loading the policy" rows={5} />}
      {query.isError && data === undefined && (
        <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
      )}
      {/* A new text is a new form. */}
      {data !== undefined && <Editor key={data.text} policy={data} />}
    </SettingsPage>
  );
}

function Editor({ policy }: { readonly policy: PolicyView }) {
  const id = useId();
  const api = useApi();
  const announce = useAnnounce();
  const profile = useProfile();
  const [text, setText] = useState(policy.text);
  const isChanged = text !== policy.text;
  const save = useSettingsChange<string>((studio, next) =>
    studio.administration.savePolicy(next, policy.text),
  );
  const dryRun = useMutation({ mutationFn: () => api.administration.tryPolicy(text) });
  const maySave = profile === undefined || profile.isOperator;
  return (
    <>
      <p className="muted">
        {policy.source === "config"
          ? "The program that starts this Studio decides about tool calls: the file below is not in force."
          : policy.source === "default"
            ? "There is no policy file: calls of low risk are allowed, and calls of high risk ask a person."
            : `${policy.rules} rules are in force, the first that matches decides.`}
        {policy.path !== undefined && (
          <>
            {" "}
            File: <code>{policy.path}</code>
          </>
        )}
      </p>
      {policy.problem !== undefined && (
        <p className="notice notice-error" role="alert">
          The file is not in force, the rules before it are: {visibleText(policy.problem)}
        </p>
      )}
      <div className="field">
        <label htmlFor={`${id}-text`}>Rules</label>
        <textarea
          id={`${id}-text`}
          className="mono code-field policy-text"
          value={text}
          rows={14}
          spellCheck={false}
          readOnly={policy.source === "config"}
          onChange={(event) => setText(event.target.value)}
        />
      </div>
      <div className="policy-actions">
        <button type="button" className="button" disabled={dryRun.isPending} onClick={() => dryRun.mutate()}>
          {dryRun.isPending ? "Trying…" : "Try on past calls"}
        </button>
        {maySave && policy.source !== "config" && (
          <button
            type="button"
            className="button button-primary"
            disabled={!isChanged || save.isPending}
            onClick={() => save.mutate(text, { onSuccess: () => announce("The policy is in force.") })}
          >
            Save
          </button>
        )}
        {isChanged && (
          <button type="button" className="button" onClick={() => setText(policy.text)}>
            Discard changes
          </button>
        )}
      </div>
      {save.isError && <ErrorNotice error={save.error} title="The policy was not saved." />}
      {dryRun.isError && <ErrorNotice error={dryRun.error} title="The rules were not tried." />}
      {dryRun.data !== undefined && <DryRun result={dryRun.data} />}
      <Question policy={policy} text={isChanged ? text : undefined} />
    </>
  );
}

function DryRun({ result }: { readonly result: PolicyDryRun }) {
  const { same, changed, depends, changes } = result;
  return (
    <section aria-label="Effect on past calls" data-testid="dry-run">
      <p>
        Of the calls in the audit log, {changed} would be decided differently, {same} alike, and {depends}{" "}
        depend on their arguments, which the log does not have.
      </p>
      {changes.length > 0 && (
        <ul className="rows">
          {changes.map((change) => (
            <li key={change.seq} className="row">
              <div className="row-main">
                <p className="row-title">{visibleText(change.tool)}</p>
                <p className="muted">
                  {visibleText(change.before)} becomes {visibleText(change.after)},{" "}
                  {formatDateTime(change.at)}
                </p>
              </div>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Question({ policy, text }: { readonly policy: PolicyView; readonly text: string | undefined }) {
  const id = useId();
  const api = useApi();
  const [tool, setTool] = useState(policy.tools[0]?.name ?? "");
  const [args, setArgs] = useState("{}");
  const [agent, setAgent] = useState("");
  const [tainted, setTainted] = useState(false);
  const ask = useMutation({
    mutationFn: async () =>
      api.administration.explainPolicy({
        ...{ tool, tainted, arguments: JSON.parse(args) as Readonly<Record<string, unknown>> },
        ...(agent.trim() === "" ? {} : { agent: agent.trim() }),
        ...(text === undefined ? {} : { text }),
      }),
  });
  const isJson = isObjectAsJson(args);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (isJson && !ask.isPending) ask.mutate();
  };
  return (
    <section aria-labelledby={`${id}-heading`}>
      <h2 id={`${id}-heading`}>What would happen to this call?</h2>
      <form className="settings-form" onSubmit={submit}>
        <div className="field">
          <label htmlFor={`${id}-tool`}>Tool</label>
          <select id={`${id}-tool`} value={tool} onChange={(event) => setTool(event.target.value)}>
            {policy.tools.map(({ name, risk }) => (
              <option key={name} value={name}>
                {name} ({risk} risk)
              </option>
            ))}
          </select>
        </div>
        <div className="field">
          <label htmlFor={`${id}-agent`}>Agent</label>
          <input
            id={`${id}-agent`}
            value={agent}
            autoComplete="off"
            placeholder="Any"
            onChange={(event) => setAgent(event.target.value)}
          />
        </div>
        <div className="field policy-arguments">
          <label htmlFor={`${id}-args`}>Arguments, as JSON</label>
          <textarea
            id={`${id}-args`}
            className="mono code-field"
            rows={3}
            value={args}
            spellCheck={false}
            aria-invalid={!isJson}
            onChange={(event) => setArgs(event.target.value)}
          />
        </div>
        <label className="policy-tainted">
          <input type="checkbox" checked={tainted} onChange={(event) => setTainted(event.target.checked)} />
          Untrusted content has entered the session
        </label>
        <button type="submit" className="button" disabled={ask.isPending || !isJson}>
          {text === undefined ? "Explain" : "Explain with these changes"}
        </button>
      </form>
      {ask.isError && <ErrorNotice error={ask.error} title="The call was not tried." />}
      <div aria-live="polite">{ask.data !== undefined && <Answer answer={ask.data} />}</div>
    </section>
  );
}

function isObjectAsJson(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

const actionNames = { allow: "Allowed", ask: "Asks a person", deny: "Denied" } as const;

function Answer({ answer }: { readonly answer: PolicyAnswer }) {
  return (
    <div className="policy-answer" data-answer={answer.action}>
      <p>
        <strong>{actionNames[answer.action]}</strong> by {visibleText(answer.rule)}:{" "}
        {visibleText(answer.reason)}
      </p>
      <ol>
        {answer.steps.map((step) => (
          <li key={step.rule} className="muted">
            {visibleText(step.rule)} ({step.action}): {step.outcome}
            {step.because === undefined ? "" : ` because of ${step.because}`}
          </li>
        ))}
      </ol>
    </div>
  );
}

import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ConfirmButton, clearSent, Empty, ErrorNotice, Loading } from "@holdfast/web-parts";
import { formatCompact } from "@holdfast/web-parts/format";
import { useQuery } from "@tanstack/react-query";
import { type SubmitEvent, useId, useState } from "react";
import {
  type BudgetInput,
  type BudgetUse,
  type UsageBudgetPeriod,
  type UsageBudgetScope,
  usageBudgetPeriods,
  usageBudgetScopes,
} from "../../contract/usage.ts";
import { useApi } from "../shared/context.ts";
import { budgetsQuery, useMaySet, useUsageChange } from "./queries.ts";

const scopeNames: Readonly<Record<UsageBudgetScope, string>> = {
  organization: "Whole organization",
  person: "Person",
  repository: "Repository",
  task: "Task",
};

const periodNames: Readonly<Record<UsageBudgetPeriod, string>> = {
  day: "a day",
  month: "a month",
  always: "in all",
};

/** The budgets, how much of each is used, and the form for a new one. */
export function Budgets() {
  const query = useQuery(budgetsQuery(useApi()));
  const maySet = useMaySet();
  const { data } = query;
  if (query.isPending) return <Loading label="Loading budgets" rows={3} />;
  if (data === undefined) return <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />;
  return (
    <>
      <p className="muted">
        When a budget is used up, no new turn begins, and a running one ends at its next model call. Days and
        months are in UTC.
      </p>
      {maySet && <BudgetForm />}
      {data.budgets.length === 0 && (
        <Empty title="There are no budgets">
          {maySet
            ? "Set one for everybody, a person, a repository or a task."
            : "Owners and admins set them."}
        </Empty>
      )}
      <ul className="usage-budgets" aria-label="Budgets">
        {data.budgets.map((budget) => (
          <li key={budget.id} className="usage-budget" data-budget={budget.id}>
            <BudgetHead budget={budget} maySet={maySet} />
            {data.uses
              .filter((use) => use.budget === budget.id)
              .map((use) => (
                <Use key={use.subject} use={use} budget={budget} />
              ))}
          </li>
        ))}
      </ul>
    </>
  );
}

function BudgetHead({ budget, maySet }: { readonly budget: BudgetInput; readonly maySet: boolean }) {
  const remove = useUsageChange<string>((api, id) => api.usage.deleteBudget(id));
  const text = boundText(budget);
  return (
    <div className="usage-budget-head">
      <div>
        <h2>{text}</h2>
        <p className="muted">
          {budget.subject === undefined
            ? budget.scope === "organization"
              ? scopeNames.organization
              : `Each ${budget.scope} for itself`
            : `${scopeNames[budget.scope]}: ${visibleText(budget.subject)}`}
          , warning at {Math.round((budget.warnAt ?? 0.8) * 100)} %
        </p>
      </div>
      {maySet && (
        <ConfirmButton
          className="button button-small"
          label="Delete"
          accessibleLabel={`Delete the budget of ${text}`}
          title="Delete this budget?"
          confirmLabel="Delete"
          onConfirm={() => remove.mutateAsync(budget.id)}
        >
          <p>Nothing bounds this usage any more, unless another budget does.</p>
        </ConfirmButton>
      )}
    </div>
  );
}

function Use({ use, budget }: { readonly use: BudgetUse; readonly budget: BudgetInput }) {
  const spent =
    budget.costMicros === undefined
      ? `${formatCompact(use.tokens)} tokens`
      : `$${(use.costMicros / 1e6).toFixed(2)}`;
  const state = use.state === "exceeded" ? ", used up" : use.state === "warning" ? ", nearly used up" : "";
  const name = visibleText(use.name);
  const percent = Math.round(use.used * 100);
  return (
    <div className={`usage-use usage-use-${use.state}`}>
      <span className="usage-use-name">{name}</span>
      <meter
        aria-label={`Used by ${name}`}
        min={0}
        max={1}
        low={budget.warnAt ?? 0.8}
        high={0.9999}
        optimum={0}
        value={Math.min(1, use.used)}
      />
      <span>
        {spent} ({percent} %){state}
      </span>
    </div>
  );
}

function boundText({ costMicros, tokens, period }: BudgetInput): string {
  const bounds = [
    ...(costMicros === undefined ? [] : [`$${(costMicros / 1e6).toFixed(2)}`]),
    ...(tokens === undefined ? [] : [`${formatCompact(tokens)} tokens`]),
  ];
  return `${bounds.join(" and ")} ${periodNames[period]}`;
}

function BudgetForm() {
  const id = useId();
  const [scope, setScope] = useState<UsageBudgetScope>("organization");
  const [subject, setSubject] = useState("");
  const [period, setPeriod] = useState<UsageBudgetPeriod>("month");
  const [dollars, setDollars] = useState("");
  const [tokens, setTokens] = useState("");
  const save = useUsageChange<BudgetInput>((api, budget) => api.usage.saveBudget(budget));
  const costMicros = Math.round(Number(dollars) * 1e6);
  const isBounded = costMicros > 0 || Number(tokens) > 0;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (save.isPending || !isBounded) return;
    const budget: BudgetInput = {
      ...{ id: crypto.randomUUID(), scope, period },
      ...(scope === "organization" || subject.trim() === "" ? {} : { subject: subject.trim() }),
      ...(costMicros > 0 ? { costMicros } : {}),
      ...(Number(tokens) > 0 ? { tokens: Math.round(Number(tokens)) } : {}),
    };
    save.mutate(budget, {
      onSuccess() {
        setDollars(clearSent(dollars));
        setTokens(clearSent(tokens));
        setSubject(clearSent(subject));
      },
    });
  };
  return (
    <form className="usage-form" onSubmit={submit} aria-label="New budget">
      <div className="field">
        <label htmlFor={`${id}-scope`}>For</label>
        <select
          id={`${id}-scope`}
          value={scope}
          onChange={(e) => setScope(e.target.value as UsageBudgetScope)}
        >
          {usageBudgetScopes.map((each) => (
            <option key={each} value={each}>
              {scopeNames[each]}
            </option>
          ))}
        </select>
      </div>
      {scope !== "organization" && (
        <div className="field">
          <label htmlFor={`${id}-subject`}>{scope === "repository" ? "Path or name" : "Id"}</label>
          <input
            id={`${id}-subject`}
            value={subject}
            placeholder={`Every ${scope} for itself`}
            autoComplete="off"
            onChange={(event) => setSubject(event.target.value)}
          />
        </div>
      )}
      <div className="field">
        <label htmlFor={`${id}-dollars`}>US dollars</label>
        <input
          id={`${id}-dollars`}
          inputMode="decimal"
          value={dollars}
          placeholder="50"
          autoComplete="off"
          onChange={(event) => setDollars(event.target.value)}
        />
      </div>
      <div className="field">
        <label htmlFor={`${id}-tokens`}>Tokens</label>
        <input
          id={`${id}-tokens`}
          inputMode="numeric"
          value={tokens}
          placeholder="No bound"
          autoComplete="off"
          onChange={(event) => setTokens(event.target.value)}
        />
      </div>
      <div className="field">
        <label htmlFor={`${id}-period`}>Period</label>
        <select
          id={`${id}-period`}
          value={period}
          onChange={(e) => setPeriod(e.target.value as UsageBudgetPeriod)}
        >
          {usageBudgetPeriods.map((each) => (
            <option key={each} value={each}>
              {each === "always" ? "In all" : each === "day" ? "A day" : "A month"}
            </option>
          ))}
        </select>
      </div>
      <button type="submit" className="button button-primary" disabled={save.isPending || !isBounded}>
        Set budget
      </button>
      {save.isError && <ErrorNotice error={save.error} title="The budget was not set." />}
    </form>
  );
}

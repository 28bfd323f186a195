import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ConfirmButton, Empty, ErrorNotice, Loading, TimeAgo } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { operator } from "../../access/person.ts";
import type { AcceptedRuleView } from "../../contract/administration.ts";
import { useApi } from "../shared/context.ts";
import { acceptedRulesQuery, useSettingsChange } from "./queries.ts";
import { SettingsPage } from "./settings-page.tsx";

/** The calls that are not asked about any more, because somebody answered "Always allow". */
export function AcceptedRulesScreen() {
  const query = useQuery(acceptedRulesQuery(useApi()));
  const { data } = query;
  return (
    <SettingsPage title="Accepted rules" needs="machine">
      <p className="muted">
        Each answer “Always allow” to an approval made a rule: calls like that one are allowed without a
        question, in all tasks. Other rules are in the <Link to="/settings/policy">policy</Link>.
      </p>
      {query.isPending && <Loading label="Loading the accepted rules" rows={3} />}
      {query.isError && data === undefined && (
        <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
      )}
      {data?.length === 0 && (
        <Empty title="No rule was accepted">
          When an approval offers “Always allow this narrowly” and somebody chooses it, the rule is listed
          here.
        </Empty>
      )}
      {data !== undefined && data.length > 0 && (
        <ul className="rows" aria-label="Accepted rules">
          {data.map((rule) => (
            <Row key={rule.id} rule={rule} />
          ))}
        </ul>
      )}
    </SettingsPage>
  );
}

function Row({ rule }: { readonly rule: AcceptedRuleView }) {
  const { id, tools, conditions, isInForce } = rule;
  const remove = useSettingsChange<string>((api, rule) => api.administration.removeAcceptedRule(rule));
  const name = visibleText(tools.join(", "));
  return (
    <li className="row accepted-rule" data-rule={id}>
      <div className="row-main">
        <p className="row-title">{name}</p>
        <Acceptance rule={rule} />
        {!isInForce && <p className="notice">A rule of the policy contradicts it, so it is not in force.</p>}
        {conditions.length > 0 && (
          <ul className="accepted-conditions" aria-label="If">
            {conditions.map((condition) => (
              <li key={condition}>{visibleText(condition)}</li>
            ))}
          </ul>
        )}
      </div>
      <ConfirmButton
        className="button button-small button-stop"
        label="Remove"
        accessibleLabel={`Remove the rule for ${name}`}
        title={`Ask about ${name} again?`}
        confirmLabel="Remove"
        onConfirm={() => remove.mutateAsync(id)}
      >
        <p>The rule is removed, and the next call like it waits for an answer.</p>
      </ConfirmButton>
    </li>
  );
}

function Acceptance({ rule }: { readonly rule: AcceptedRuleView }) {
  const { acceptedAt, acceptedBy, name, task } = rule;
  if (acceptedAt === undefined || acceptedBy === undefined)
    return <p className="muted">The audit log does not say who accepted it.</p>;
  const who = name ?? (acceptedBy === operator.id ? "the operator" : "somebody");
  return (
    <p className="muted">
      Accepted by {visibleText(who)} <TimeAgo at={acceptedAt} />
      {task !== undefined && (
        <>
          {" "}
          in{" "}
          <Link to="/tasks/$taskId" params={{ taskId: task }}>
            this task
          </Link>
        </>
      )}
    </p>
  );
}

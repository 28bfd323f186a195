import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { CheckIcon, ConfirmButton, ErrorNotice, Loading } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { priceText } from "../../billing/price-text.ts";
import type { PlanView } from "../../contract/billing.ts";
import { useApi } from "../shared/context.ts";
import { limitWords } from "./limits.tsx";
import { plansQuery, useBillingChange } from "./queries.ts";

/** The plans of this server, each with a button. */
export function Plans({ hasSubscription }: { readonly hasSubscription: boolean }) {
  const query = useQuery(plansQuery(useApi()));
  const { data } = query;
  return (
    <section aria-labelledby="billing-plans">
      <h2 id="billing-plans">Plans</h2>
      {query.isPending && <Loading label="Loading plans" rows={3} />}
      {query.isError && data === undefined && (
        <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
      )}
      <ul className="billing-plans">
        {data?.map((plan) => (
          <Plan key={plan.name} plan={plan} hasSubscription={hasSubscription} />
        ))}
      </ul>
    </section>
  );
}

function Plan({ plan, hasSubscription }: { readonly plan: PlanView; readonly hasSubscription: boolean }) {
  const { name, description, isCurrent } = plan;
  const limits = Object.entries(plan.limits).map(limitWords);
  return (
    <li className="billing-plan" data-plan={name}>
      <h3>{visibleText(plan.title)}</h3>
      {description !== "" && <p>{visibleText(description)}</p>}
      <p className="billing-price">{priceText(plan)}</p>
      {limits.length > 0 && <p className="muted">{limits.join(", ")}</p>}
      {isCurrent ? (
        <p className="billing-current">
          <CheckIcon /> Your plan
        </p>
      ) : (
        <ChooseButton plan={plan} hasSubscription={hasSubscription} />
      )}
    </li>
  );
}

function ChooseButton({
  plan,
  hasSubscription,
}: {
  readonly plan: PlanView;
  readonly hasSubscription: boolean;
}) {
  const choose = useBillingChange<void>((api) => api.billing.choosePlan(plan.name));
  const title = visibleText(plan.title);
  if (!hasSubscription)
    return (
      <>
        <button
          type="button"
          className="button button-primary"
          disabled={choose.isPending}
          onClick={() => choose.mutate()}
        >
          {choose.isPending ? "Opening…" : `Choose ${title}`}
        </button>
        {choose.isError && <ErrorNotice error={choose.error} title="The plan was not chosen." />}
      </>
    );
  if (plan.isFree)
    return (
      <ConfirmButton
        className="button"
        label={`End with ${title}`}
        title="End the subscription?"
        confirmLabel="End it with its period"
        onConfirm={() => choose.mutateAsync()}
      >
        <p>
          The plan goes on until the end of the period that is paid. Then the limits of {title} apply. Nothing
          is deleted, and you can choose a plan again at any time.
        </p>
      </ConfirmButton>
    );
  return (
    <ConfirmButton
      className="button"
      label={`Change to ${title}`}
      title={`Change to ${title}?`}
      confirmLabel="Change the plan"
      onConfirm={() => choose.mutateAsync()}
    >
      <p>
        {priceText(plan)}. It is changed at once. Stripe gives back the rest of what is paid, and charges the
        rest of the period with the next invoice.
      </p>
    </ConfirmButton>
  );
}

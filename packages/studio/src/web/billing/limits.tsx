import { formatCount } from "@holdfast/web-parts/format";
import type { BillingOverview, LimitUse, PlanLimitName } from "../../contract/billing.ts";

const names: Readonly<Record<PlanLimitName, string>> = {
  seats: "Seats",
  tasksAtOnce: "Tasks at once",
  sandboxMinutes: "Minutes of sandboxes this month",
  modelCents: "Cost of models this month",
};

/** The limits of the plan, and how much of each is used. */
export function Limits({ overview: { limits } }: { readonly overview: BillingOverview }) {
  if (limits.length === 0) return null;
  return (
    <section aria-labelledby="billing-limits">
      <h2 id="billing-limits">Limits</h2>
      <ul className="billing-limits">
        {limits.map((each) => (
          <Limit key={each.limit} use={each} />
        ))}
      </ul>
    </section>
  );
}

function Limit({ use }: { readonly use: LimitUse }) {
  const { limit, used, max, state } = use;
  const text =
    limit === "modelCents"
      ? `${dollars(used)} of ${dollars(max)}`
      : `${formatCount(used)} of ${formatCount(max)}`;
  const full = Math.max(1, max);
  const mark = state === "reached" ? ", reached" : state === "warning" ? ", nearly used up" : "";
  return (
    <li className={`billing-limit billing-limit-${state}`} data-limit={limit}>
      <span>{names[limit]}</span>
      <meter
        aria-label={names[limit]}
        min={0}
        max={full}
        // Its colour is that of the state, which begins elsewhere for each limit.
        low={state === "ok" ? full : 0}
        high={state === "reached" ? 0 : full}
        optimum={0}
        value={state === "reached" ? full : Math.min(used, full)}
      />
      <span>
        {text}
        {mark}
      </span>
    </li>
  );
}

export function limitWords([limit, max]: readonly [string, number]): string {
  switch (limit) {
    case "tasksAtOnce":
      return `${max} ${max === 1 ? "task" : "tasks"} at once`;
    case "sandboxMinutes":
      return `${formatCount(max)} minutes of sandboxes a month`;
    default:
      return `${dollars(max)} for models a month`;
  }
}

const dollars = (cents: number) => `$${(cents / 100).toFixed(2)}`;

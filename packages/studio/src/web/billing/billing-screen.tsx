/** Plan, seats, use and invoices of the organization, where the operator sells plans. */
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { Empty, ErrorNotice, Loading, RefreshIcon, TimeAgo, WarningIcon } from "@holdfast/web-parts";
import { formatDuration } from "@holdfast/web-parts/format";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { priceText } from "../../billing/price-text.ts";
import type { BillingNotice, BillingOverview, BillingStanding } from "../../contract/billing.ts";
import { overviewQuery } from "../shared/billing/live.ts";
import { useApi } from "../shared/context.ts";
import { signInOptionsQuery, useProfile, useSellsPlans } from "../shared/people.ts";
import { maySee, SettingsFrame } from "../shared/settings/settings-frame.tsx";
import { dayText } from "./day-text.ts";
import { Invoices } from "./invoices.tsx";
import { Limits } from "./limits.tsx";
import { Plans } from "./plans.tsx";
import { useBillingChange } from "./queries.ts";

/** `isBack` after a page of Stripe: what was done there is read at once. */
export function BillingScreen({ isBack }: { readonly isBack: boolean }) {
  const sells = useSellsPlans();
  const isAllowed = maySee(useProfile(), "admin");
  if (sells === undefined) return null;
  return (
    <SettingsFrame title="Billing" className="billing-page">
      {!sells ? (
        <Empty title="There is nothing to pay here">Everything is free, without limits.</Empty>
      ) : isAllowed ? (
        <Billing isBack={isBack} />
      ) : (
        <Empty title="You cannot see this page">Owners and admins of the organization can.</Empty>
      )}
    </SettingsFrame>
  );
}

function Billing({ isBack }: { readonly isBack: boolean }) {
  const query = useQuery(overviewQuery(useApi()));
  const refresh = useBillingChange<void>(async (api) => {
    await api.billing.refresh();
    return undefined;
  });
  const { mutate } = refresh;
  useEffect(() => {
    if (isBack) mutate();
  }, [isBack, mutate]);
  const { data } = query;
  if (query.isPending) return <Loading label="Loading billing" rows={6} />;
  if (data === undefined) return <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />;
  const isUnreachable = data.notices.some(({ kind }) => kind === "unreachable");
  return (
    <>
      <DemoNotice />
      <BillingNotices notices={data.notices.filter(({ severity }) => severity !== "error")} />
      {refresh.isError && !isUnreachable && (
        <ErrorNotice error={refresh.error} title="Stripe was not read." />
      )}
      <CurrentPlan overview={data} isReading={refresh.isPending} onRead={() => mutate()} />
      <Limits overview={data} />
      <Plans hasSubscription={data.standing !== "free" && data.standing !== "incomplete"} />
      {data.isCustomer && <Invoices />}
    </>
  );
}

function DemoNotice() {
  const address = useQuery(signInOptionsQuery()).data?.demoTeam?.paymentsUrl;
  if (address === undefined) return null;
  return (
    <p className="notice" data-notice="demo">
      This is a demo: plans are paid at an emulator of Stripe, and no money moves. Let a month pass on{" "}
      <a href={address} target="_blank" rel="noreferrer">
        the emulator’s first page
      </a>
      .
    </p>
  );
}

function BillingNotices({ notices }: { readonly notices: readonly BillingNotice[] }) {
  if (notices.length === 0) return null;
  return (
    <ul className="billing-notices" aria-label="What to know">
      {notices.map(({ kind, severity, text }) => (
        <li key={`${kind} ${text}`} className={`notice notice-${severity}`} data-notice={kind}>
          <WarningIcon />
          <p>{visibleText(text)}</p>
        </li>
      ))}
    </ul>
  );
}

const standings: Readonly<Record<BillingStanding, string>> = {
  free: "Nothing to pay",
  active: "Paid",
  "past-due": "Payment failed",
  lapsed: "Not paid",
  incomplete: "First payment open",
  ending: "Ends with its period",
};

function CurrentPlan({
  overview,
  isReading,
  onRead,
}: {
  readonly overview: BillingOverview;
  readonly isReading: boolean;
  readonly onRead: () => void;
}) {
  const { plan, standing, periodEndsAt, seats, month, isCustomer, readAt } = overview;
  const portal = useBillingChange<void>((api) => api.billing.managePayment());
  const further = seats.paid === null || seats.paid === 0 ? "" : `, ${seats.paid} paid`;
  const facts = [
    ["State", standings[standing]],
    ...(periodEndsAt === null
      ? []
      : [[standing === "ending" ? "Ends on" : "Next invoice", dayText(periodEndsAt)] as const]),
    ["Seats", `${seats.used} used, ${seats.included} included${further}`],
    ["Sandboxes this month", formatDuration(month.sandboxMs)],
    ["Models this month", `$${(month.costMicros / 1e6).toFixed(2)}`],
  ] as const;
  return (
    <section aria-labelledby="billing-plan">
      <div className="billing-head">
        <div>
          <h2 id="billing-plan">Plan: {visibleText(plan.title)}</h2>
          {!plan.isFree && plan.price !== undefined && <p className="muted">{priceText(plan)}</p>}
        </div>
        <div className="billing-actions">
          {isCustomer && (
            <button
              type="button"
              className="button"
              disabled={portal.isPending}
              onClick={() => portal.mutate()}
            >
              {portal.isPending ? "Opening…" : "Manage payment"}
            </button>
          )}
        </div>
      </div>
      {portal.isError && (
        <ErrorNotice error={portal.error} title="The page about the payment was not opened." />
      )}
      <dl className="billing-facts">
        {facts.map(([name, value]) => (
          <div key={name} data-fact={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p className="muted billing-read">
        <span>
          The same numbers as on the page <Link to="/usage">Usage</Link>.
        </span>
        {readAt !== null && (
          <span>
            Stripe was read <TimeAgo at={readAt} />.
          </span>
        )}
        {isCustomer && (
          <button type="button" className="button button-small" disabled={isReading} onClick={onRead}>
            <RefreshIcon />
            {isReading ? "Reading…" : "Read now"}
          </button>
        )}
      </p>
    </section>
  );
}

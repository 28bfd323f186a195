import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { Shell as AppShell, appPart, WarningIcon } from "@holdfast/web-parts";
import { refetchActive } from "@holdfast/web-parts/refetch-active";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useEffect } from "react";
import type { BillingNotice } from "../../contract/billing.ts";
import { useBillingErrors } from "../shared/billing/live.ts";
import { useApi } from "../shared/context.ts";
import { useOrganizationLive } from "../shared/live.ts";
import { roleHere } from "../shared/organizations/queries.ts";
import { useProfile } from "../shared/people.ts";
import { systemQuery } from "../shared/queries.ts";
import { Navigation } from "./navigation.tsx";
import { OrganizationMenu } from "./organization-menu.tsx";
import { PaletteHost } from "./palette-host.tsx";

const NoOrganization = lazy(appPart(() => import("../people/no-organization.tsx")));

/** The frame around every screen of the Studio. */
export function Shell() {
  const link = useOrganizationLive();
  const { data: system } = useQuery(systemQuery(useApi()));
  const profile = useProfile();
  const queries = useQueryClient();
  const unpaid = useBillingErrors();
  useEffect(() => {
    // The server closes connections when rights change.
    if (link === "offline") void refetchActive(queries, ["profile"]);
  }, [link, queries]);
  if (profile !== undefined && roleHere(profile) === undefined)
    return (
      <Suspense>
        <NoOrganization profile={profile} />
      </Suspense>
    );
  const budgets = system?.checks.find(({ id, status }) => id === "people-budgets" && status !== "ok");
  return (
    <AppShell
      brand={{ word: "Holdfast", label: "Holdfast, all tasks" }}
      link={link}
      offline={{
        title: "Connection lost.",
        next: "All work is saved on disk. Reconnecting…",
      }}
      warning={
        system?.unsafe === true || budgets !== undefined || unpaid.length > 0 ? (
          <>
            {system?.unsafe === true && <UnsafeBanner />}
            {budgets !== undefined && <BudgetBanner text={budgets.detail} />}
            {unpaid.map((notice) => (
              <BillingBanner key={`${notice.kind} ${notice.text}`} notice={notice} />
            ))}
          </>
        ) : undefined
      }
      tools={
        <>
          <OrganizationMenu />
          <PaletteHost />
        </>
      }
      navigation={<Navigation />}
    />
  );
}

function BudgetBanner({ text }: { readonly text: string }) {
  return (
    <div className="banner">
      <WarningIcon />
      <p>
        {visibleText(text)}.{" "}
        <Link to="/usage" search={{ tab: "budgets" }}>
          Open the budgets
        </Link>
      </p>
    </div>
  );
}

/** To owners and admins, where plans are sold. */
function BillingBanner({ notice: { kind, text } }: { readonly notice: BillingNotice }) {
  return (
    <div className="banner" data-banner={kind}>
      <WarningIcon />
      <p>
        {visibleText(text)} <Link to="/settings/billing">Open billing</Link>
      </p>
    </div>
  );
}

function UnsafeBanner() {
  return (
    <div className="banner banner-unsafe">
      <WarningIcon />
      <p>
        <strong>No jail.</strong> Agents run as ordinary programs and can reach your files and network.
      </p>
    </div>
  );
}

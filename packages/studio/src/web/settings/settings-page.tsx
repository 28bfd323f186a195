/** Settings: connections, secrets, policy, audit log. */
import { Empty, usePageTitle } from "@holdfast/web-parts";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useProfile } from "../shared/people.ts";

/** A page of the settings, with the links to the others. */
export function SettingsPage({
  title,
  needs,
  actions,
  children,
}: {
  readonly title: string;
  /** Who may see the page. */
  readonly needs: "admin" | "operator";
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}) {
  usePageTitle(title);
  const profile = useProfile();
  const isAdmin = profile?.organizations.some(({ role }) => role === "admin" || role === "owner") === true;
  const isAllowed = profile === undefined || profile.isOperator || (needs === "admin" && isAdmin);
  return (
    <div className="page settings-page">
      <nav className="settings-nav" aria-label="Settings">
        <Link to="/settings" activeOptions={{ exact: true }}>
          Connections
        </Link>
        <Link to="/settings/secrets">Secrets</Link>
        <Link to="/settings/policy">Policy</Link>
        <Link to="/settings/audit" activeOptions={{ includeSearch: false }}>
          Audit log
        </Link>
      </nav>
      <div className="settings-main">
        <div className="page-head">
          <h1>{title}</h1>
          {isAllowed && actions}
        </div>
        {isAllowed ? (
          children
        ) : (
          <Empty title="You cannot see this page">
            {needs === "operator"
              ? "Only the operator of this server can: whoever opens a link of “holdfast url”."
              : "Owners and admins of the organization can."}
          </Empty>
        )}
      </div>
    </div>
  );
}

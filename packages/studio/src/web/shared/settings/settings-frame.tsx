/** The frame of every page of the settings. */
import { useCurrentPageInView, usePageTitle } from "@holdfast/web-parts";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useRef } from "react";
import { localOrganization } from "../../../access/organization-ids.ts";
import type { Profile } from "../../../contract/people.ts";
import { currentOrganization } from "../organizations/current.ts";
import { roleHere } from "../organizations/queries.ts";
import { useProfile, useSellsPlans } from "../people.ts";
import "./settings-frame.css";

/** A page of the settings, with the links to those that this person may see. */
export function SettingsFrame({
  title,
  actions,
  className = "",
  children,
}: {
  readonly title: string;
  readonly actions?: ReactNode;
  /** Of the part beside the links. */
  readonly className?: string;
  readonly children: ReactNode;
}) {
  usePageTitle(title);
  const profile = useProfile();
  const sellsPlans = useSellsPlans() === true;
  const links = useRef<HTMLElement>(null);
  useCurrentPageInView(links);
  return (
    <div className="page settings-page">
      <nav ref={links} className="settings-nav" aria-label="Settings">
        {maySee(profile, "machine") && (
          <Link to="/settings" activeOptions={{ exact: true }}>
            Connections
          </Link>
        )}
        {profile !== undefined && <Link to="/settings/organization">Organization</Link>}
        <Link to="/settings/notifications">Notifications</Link>
        {profile !== undefined && maySee(profile, "installation") && (
          <Link to="/settings/sign-in">Sign-in</Link>
        )}
        {maySee(profile, "operator") && <Link to="/settings/secrets">Secrets</Link>}
        {maySee(profile, "machine") && <Link to="/settings/policy">Policy</Link>}
        {maySee(profile, "admin") && (
          <Link to="/settings/audit" activeOptions={{ includeSearch: false }}>
            Audit log
          </Link>
        )}
        {sellsPlans && maySee(profile, "admin") && (
          <Link to="/settings/billing" activeOptions={{ includeSearch: false }}>
            Billing
          </Link>
        )}
      </nav>
      <div className={`settings-main ${className}`.trim()}>
        <div className="page-head">
          <h1>{title}</h1>
          {actions}
        </div>
        {children}
      </div>
    </div>
  );
}

/**
 * Who may see a page. Those about the machine are for the admins of its first organization, those about the installation
 * for its owners.
 */
export type SettingsNeed = "admin" | "machine" | "installation" | "operator";

/** Without accounts there is one person, who may see all. */
export function maySee(profile: Profile | undefined, needs: SettingsNeed): boolean {
  if (profile === undefined || profile.isOperator) return true;
  if (needs === "operator" || (needs !== "admin" && currentOrganization() !== localOrganization))
    return false;
  const role = roleHere(profile);
  if (needs === "installation") return role === "owner";
  return role === "admin" || role === "owner";
}

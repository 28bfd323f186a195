import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, Loading, useAnnounce } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { OrganizationDetails } from "../../contract/people.ts";
import { currentOrganization, openOrganization } from "../shared/organizations/current.ts";
import { useOrganizations } from "../shared/organizations/queries.ts";
import { SettingsFrame } from "../shared/settings/settings-frame.tsx";
import { DeleteOrganization } from "./delete-organization.tsx";
import { ImportOrganization } from "./import-organization.tsx";
import { NameForm } from "./name-form.tsx";
import { organizationQuery, organizationsApi, useOrganizationsChange } from "./queries.ts";

/** The organization of the page, and the others of whoever is signed in. */
export function OrganizationScreen() {
  const details = useQuery(organizationQuery());
  return (
    <SettingsFrame title="Organization" className="settings-forms">
      {details.data !== undefined ? (
        <Organization key={details.data.id} details={details.data} />
      ) : details.isError ? (
        <ErrorNotice error={details.error} onRetry={() => void details.refetch()} />
      ) : (
        <Loading label="Loading the organization" rows={4} />
      )}
      <OwnOrganizations />
      <ImportOrganization />
      {details.data?.role === "owner" && !details.data.isFirst && (
        <DeleteOrganization details={details.data} />
      )}
    </SettingsFrame>
  );
}

function Organization({ details }: { readonly details: OrganizationDetails }) {
  const { id, name, role, members, isFirst } = details;
  const announce = useAnnounce();
  const rename = useOrganizationsChange((next: string) => organizationsApi.rename(id, next));
  const isAdmin = role === "admin" || role === "owner";
  return (
    <section aria-labelledby="organization-heading" className="organization-section">
      <h2 id="organization-heading">{visibleText(name)}</h2>
      <p className="muted">
        {members === 1 ? "1 member" : `${members} members`}. <Link to="/people">People</Link> invites and
        removes them, and hands the organization over.
        {!isFirst &&
          " Folders, secrets and policy of this machine are for its first organization: connect repositories here."}
      </p>
      {isAdmin && (
        <NameForm
          label="Name"
          button="Rename"
          initial={name}
          change={rename}
          onDone={(next) => announce(`The organization is ${next} now.`)}
        />
      )}
      {role === "owner" && (
        <p className="organization-actions">
          <a className="button" href={organizationsApi.exportPath(id)} download>
            Export
          </a>
          <span className="muted">
            One file with tasks, transcripts and settings, without secrets and files of tasks.
          </span>
        </p>
      )}
    </section>
  );
}

function OwnOrganizations() {
  const organizations = useOrganizations();
  const create = useOrganizationsChange((name: string) => organizationsApi.create(name));
  return (
    <section aria-labelledby="organizations-heading" className="organization-section">
      <h2 id="organizations-heading">Your organizations</h2>
      <ul className="rows">
        {organizations.map(({ id, name, role }) => (
          <li key={id} className="row organization-row" data-organization={name}>
            <div className="row-main">
              <p className="row-title">{visibleText(name)}</p>
              <p className="muted">{role}</p>
            </div>
            {id === currentOrganization() ? (
              <span className="tag">Open now</span>
            ) : (
              <button
                type="button"
                className="button button-small"
                aria-label={`Open ${visibleText(name)}`}
                onClick={() => openOrganization(id)}
              >
                Open
              </button>
            )}
          </li>
        ))}
      </ul>
      <h2>New organization</h2>
      <p className="muted">It has its own tasks, repositories, schedules, budgets and people. You own it.</p>
      <NameForm
        label="Name of the new organization"
        button="Create organization"
        initial=""
        change={create}
        onDone={(_name, { id }) => openOrganization(id)}
      />
    </section>
  );
}

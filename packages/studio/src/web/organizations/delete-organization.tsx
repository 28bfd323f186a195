import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { AskButton } from "@holdfast/web-parts";
import { localOrganization } from "../../access/organization-ids.ts";
import type { OrganizationDetails } from "../../contract/people.ts";
import { openOrganization } from "../shared/organizations/current.ts";
import { counted } from "./counted.ts";
import { organizationsApi, useOrganizationsChange } from "./queries.ts";

/** Deletes the organization of the page, after its name was typed. */
export function DeleteOrganization({ details }: { readonly details: OrganizationDetails }) {
  const { id, name } = details;
  const remove = useOrganizationsChange((typed: string) => organizationsApi.remove(id, typed));
  return (
    <section aria-labelledby="delete-heading" className="organization-section">
      <h2 id="delete-heading">Delete the organization</h2>
      <p className="muted">
        Running work stops, and all that the organization has is removed for good. Export it first to keep it.
      </p>
      <AskButton
        className="button button-stop organization-delete"
        label="Delete organization"
        title={`Delete ${visibleText(name)}?`}
        field={`Type the name to confirm: ${name}`}
        confirmLabel="Delete for good"
        expected={name.trim()}
        onConfirm={async () => {
          await remove.mutateAsync(name);
          openOrganization(localOrganization);
        }}
      >
        <p>This removes, for everybody, and cannot be undone:</p>
        <ul className="organization-contents">
          {contentsOf(details).map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      </AskButton>
    </section>
  );
}

function contentsOf({ tasks, activeTasks, repositories, schedules, members }: OrganizationDetails) {
  const running = activeTasks === 0 ? "" : `, ${activeTasks} of them running`;
  return [
    `${counted(tasks, "task", "tasks")}${running}, with transcripts and files`,
    `${counted(repositories, "connected repository", "connected repositories")}, but nothing at the forges`,
    counted(schedules, "schedule", "schedules"),
    "views, budgets, prices, usage, inboxes and notification settings",
    `the membership of ${counted(members, "person", "people")}, whose accounts stay`,
  ];
}

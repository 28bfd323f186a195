import { useTitleCount } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { Link, useRouterState } from "@tanstack/react-router";
import { localOrganization } from "../../access/organization-ids.ts";
import { useInboxLive } from "../shared/inbox/live.ts";
import { type GoScreenName, goKeysText } from "../shared/navigation/go-keys.ts";
import { currentOrganization } from "../shared/organizations/current.ts";
import { signInOptionsQuery, useProfile } from "../shared/people.ts";
import { useGoKeys } from "./use-go-keys.ts";

/** The screens in three groups: the work, what it runs on and costs, and who decides about it. */
export function Navigation() {
  const options = useQuery(signInOptionsQuery());
  const profile = useProfile();
  // Nothing is shown before it is known, and gone a moment later.
  const isOperator = options.data?.people === false || profile?.isOperator === true;
  const isOffered = (name: GoScreenName) =>
    name === "actors" ? isOperator : name === "people" ? profile !== undefined : true;
  useGoKeys(isOffered);
  return (
    <>
      <NavGroup label="Work">
        <InboxLink />
        <TasksLink />
        <Link to="/repositories" title={goKeysText("repositories")}>
          Repositories
        </Link>
        <Link to="/schedules" title={goKeysText("schedules")}>
          Schedules
        </Link>
      </NavGroup>
      <NavGroup label="Running">
        <Link to="/usage" activeOptions={{ includeSearch: false }} title={goKeysText("usage")}>
          Usage
        </Link>
        <Link to="/system" title={goKeysText("system")}>
          System
        </Link>
        {isOperator && (
          <Link to="/inspector" activeOptions={{ includeSearch: false }} title={goKeysText("actors")}>
            Actors
          </Link>
        )}
      </NavGroup>
      <NavGroup label="Administration">
        {profile !== undefined && (
          <>
            <Link to="/people" title={goKeysText("people")}>
              People
            </Link>
            <Link to="/account">Account</Link>
          </>
        )}
        <Link
          to={currentOrganization() === localOrganization ? "/settings" : "/settings/organization"}
          title={goKeysText("settings")}
        >
          Settings
        </Link>
      </NavGroup>
    </>
  );
}

function NavGroup({ label, children }: { readonly label: string; readonly children: React.ReactNode }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for fields
    <div role="group" aria-label={label} className="nav-group">
      {children}
    </div>
  );
}

/** With the number of unread entries, which is in the title of the page too. */
function InboxLink() {
  const unread = useInboxLive()?.unread ?? 0;
  useTitleCount(unread);
  return (
    <Link to="/inbox" activeOptions={{ includeSearch: false }} title={goKeysText("inbox")}>
      Inbox
      {unread > 0 && (
        <span className="tag tag-attention nav-count">
          {unread > 99 ? "99+" : unread}
          <span className="visually-hidden"> unread</span>
        </span>
      )}
    </Link>
  );
}

/** Also marked on the screen of a task, which is below the list. */
function TasksLink() {
  const inTask = useRouterState({ select: (state) => state.location.pathname.startsWith("/tasks/") });
  return (
    <Link
      to="/"
      activeOptions={{ exact: true, includeSearch: false }}
      className={inTask ? "nav-parent" : undefined}
      title={goKeysText("tasks")}
    >
      Tasks
    </Link>
  );
}

import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, Loading, usePageTitle } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import type { Member, Profile } from "../../contract/people.ts";
import { forgeAccountsQuery } from "../shared/accounts/queries.ts";
import { useApi } from "../shared/context.ts";
import { roleHere } from "../shared/organizations/queries.ts";
import { membersQuery, useProfile } from "../shared/people.ts";
import { Invitations } from "./invitations.tsx";
import { MemberRow } from "./member-row.tsx";

/** Members of the organization, and for admins its open invitations. */
export function PeopleScreen() {
  usePageTitle("People");
  const profile = useProfile();
  const members = useQuery(membersQuery);
  return (
    <div className="page people-page">
      <div className="page-head">
        <h1>People</h1>
      </div>
      {members.isError && members.data === undefined ? (
        <ErrorNotice error={members.error} onRetry={() => void members.refetch()} />
      ) : members.data === undefined || profile === undefined ? (
        <Loading label="Loading people" rows={5} />
      ) : (
        <People profile={profile} members={members.data} />
      )}
    </div>
  );
}

function People({ profile, members }: { readonly profile: Profile; readonly members: readonly Member[] }) {
  const role = roleHere(profile) ?? "viewer";
  const isAdmin = role === "admin" || role === "owner";
  const owners = members.filter((member) => member.role === "owner").length;
  const accounts = useQuery(forgeAccountsQuery(useApi())).data ?? [];
  const names = new Map(members.map(({ person, name }) => [person, visibleText(name)]));
  return (
    <>
      {isAdmin && <Invitations role={role} names={names} isFirst={members.length === 0} />}
      <section aria-labelledby="members-heading">
        <h2 id="members-heading">
          Members <span className="muted">{members.length}</span>
        </h2>
        {members.length === 0 ? (
          <p className="muted">
            Nobody has joined yet. Invite the first owner; as the operator of this server you may do
            everything without being a member.
          </p>
        ) : (
          <ul className="rows">
            {members.map((member) => (
              <MemberRow
                key={member.person}
                member={member}
                accounts={accounts.filter(({ person }) => person === member.person)}
                isSelf={member.person === profile.id}
                isLastOwner={member.role === "owner" && owners === 1}
                role={role}
                isOperator={profile.isOperator}
              />
            ))}
          </ul>
        )}
      </section>
    </>
  );
}

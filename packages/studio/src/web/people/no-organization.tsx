import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { usePageTitle } from "@holdfast/web-parts";
import type { Profile } from "../../contract/people.ts";
import { openOrganization } from "../shared/organizations/current.ts";
import { useOrganizations } from "../shared/organizations/queries.ts";
import { SignOutButton } from "./sign-out-button.tsx";

/** For a person with an account who is no member of the organization: they left, or were removed. */
export default function NoOrganization({ profile }: { readonly profile: Profile }) {
  usePageTitle("No organization");
  const others = useOrganizations();
  return (
    <main className="page page-narrow">
      <h1>You are not a member of this organization</h1>
      <p>
        You are signed in as {visibleText(profile.email ?? "")}. Your account stays, and tasks that you
        started go on. Ask an admin for an invitation to come back.
      </p>
      {others.length > 0 && (
        <>
          <h2>Your organizations</h2>
          <ul>
            {others.map(({ id, name }) => (
              <li key={id}>
                <button type="button" className="link-button" onClick={() => openOrganization(id)}>
                  {visibleText(name)}
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
      <SignOutButton isOperator={false} />
    </main>
  );
}

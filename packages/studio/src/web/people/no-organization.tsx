import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { usePageTitle } from "@holdfast/web-parts";
import type { Profile } from "../../contract/people.ts";
import { SignOutButton } from "./sign-out-button.tsx";

/** For a person with an account who is a member of nothing: they left, or were removed. */
export default function NoOrganization({ profile }: { readonly profile: Profile }) {
  usePageTitle("No organization");
  return (
    <main className="page page-narrow">
      <h1>You are not a member of this organization</h1>
      <p>
        You are signed in as {visibleText(profile.email ?? "")}. Your account stays, and tasks that you
        started go on. Ask an admin for an invitation to come back.
      </p>
      <SignOutButton isOperator={false} />
    </main>
  );
}

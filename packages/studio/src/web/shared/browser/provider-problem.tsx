import { useEffect, useState } from "react";

const problems: Readonly<Record<string, readonly [title: string, next: string]>> = {
  "people.provider_denied": ["You did not allow the sign-in there.", "Start again, or sign in another way."],
  "people.provider_expired": [
    "This sign-in has ended, or was begun in another browser or at another address.",
    "Start again from this page.",
  ],
  "people.provider_unreachable": [
    "The other service does not answer.",
    "Try again in a moment, or sign in another way.",
  ],
  "people.provider_refused": [
    "The other service did not confirm the sign-in.",
    "Start again. If it stays so, tell the operator: the server's log has the reason.",
  ],
  "people.provider_not_set_up": [
    "Sign-in with this service is not completely set up here.",
    "Tell the operator: the page Settings says what is missing.",
  ],
  "people.provider_not_invited": [
    "The other service knows you, but nobody has invited you here.",
    "Ask an admin for an invitation, open its link, and join from there.",
  ],
  "people.provider_needs_link": [
    "There is an account with your e-mail address already.",
    "Sign in to it with its password, a link or a passkey, then connect the other account on the page Account.",
  ],
  "people.provider_unverified": [
    "The other service has no verified e-mail address of you.",
    "Verify your address there, then start again.",
  ],
  "people.provider_account_taken": [
    "That account belongs to somebody else here.",
    "Choose another account at the other service.",
  ],
  "people.provider_signed_out": [
    "You are no longer signed in as whoever wanted to connect the account.",
    "Sign in, then connect it again.",
  ],
  "invitation.not_found": ["The invitation was used or withdrawn, or has expired.", "Ask for another one."],
  "invitation.for_another": [
    "The invitation is for another e-mail address.",
    "Choose the account with that address at the other service, or ask for another invitation.",
  ],
  "member.too_many": ["The organization has no room for more members.", "Tell an admin."],
};

const unknownProblem = ["The sign-in failed.", "Start again. If it stays so, tell the operator."] as const;

/** What became of a sign-in elsewhere, if it failed: its code is in the fragment of the address, which goes away. */
export function ProviderProblem() {
  const [code] = useState(() => new URLSearchParams(window.location.hash.slice(1)).get("problem"));
  useEffect(() => {
    if (code === null) return;
    const { pathname, search } = window.location;
    window.history.replaceState(window.history.state, "", `${pathname}${search}`);
  }, [code]);
  if (code === null) return null;
  const [title, next] = (Object.hasOwn(problems, code) ? problems[code] : undefined) ?? unknownProblem;
  return (
    <div className="notice notice-error" role="alert">
      <p>
        <strong>{title}</strong>
      </p>
      <p>{next}</p>
    </div>
  );
}

import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, Loading } from "@holdfast/web-parts";
import { formatDateTime } from "@holdfast/web-parts/format";
import { request } from "@holdfast/web-parts/request";
import { queryOptions, useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { localOrganization } from "../../access/organization-ids.ts";
import type { InvitationOffer, Profile } from "../../contract/people.ts";
import { isSignedOut } from "../shared/errors.ts";
import { openOrganization } from "../shared/organizations/current.ts";
import { AccessField, AccessForm, AccessFrame } from "./frame.tsx";
import { ProviderButtons } from "./providers.tsx";
import { SignInForm } from "./sign-in-page.tsx";

const header = "x-holdfast-invitation";

function offerQuery(token: string) {
  return queryOptions({
    queryKey: ["invitation", token],
    queryFn: () => request<InvitationOffer>("GET", "/people/invitation", undefined, { [header]: token }),
    retry: false,
  });
}

/** Who is signed in in this browser; null for nobody. */
const visitorQuery = queryOptions({
  queryKey: ["visitor"],
  queryFn: () =>
    request<Profile>("GET", "/people/me").catch((error: unknown) => {
      if (isSignedOut(error)) return null;
      throw error;
    }),
});

/** Joins by the invitation whose token is in the fragment of the address, with a new account or one that exists. */
export function JoinPage() {
  const [token] = useState(() => new URLSearchParams(window.location.hash.slice(1)).get("invitation") ?? "");
  const offer = useQuery(offerQuery(token));
  const visitor = useQuery(visitorQuery);
  const error = offer.error ?? visitor.error;
  if (error !== null)
    return (
      <AccessFrame title="This invitation does not work">
        <ErrorNotice error={error} />
        <p>
          <a href="/">Go to Holdfast</a>
        </p>
      </AccessFrame>
    );
  if (offer.data === undefined || visitor.data === undefined)
    return (
      <AccessFrame title="Join Holdfast">
        <Loading label="Reading the invitation" />
      </AccessFrame>
    );
  return <Join token={token} offer={offer.data} visitor={visitor.data} />;
}

function Join({
  token,
  offer,
  visitor,
}: {
  readonly token: string;
  readonly offer: InvitationOffer;
  readonly visitor: Profile | null;
}) {
  const [hasAccount, setHasAccount] = useState(false);
  const accept = useMutation({
    mutationFn: () => request("POST", "/people/accept", { token }),
    onSuccess: () => enter(),
  });
  const enter = () =>
    offer.organization.id === localOrganization
      ? window.location.assign("/")
      : openOrganization(offer.organization.id);
  const member = visitor === null || visitor.isOperator ? undefined : visitor;
  return (
    <AccessFrame title="Join Holdfast">
      <p>
        {offer.invitedBy === null ? "You are invited" : `${offer.invitedBy} invites you`}
        {offer.organization.id !== localOrganization && ` to ${visibleText(offer.organization.name)}`} as{" "}
        <strong>{offer.role}</strong>.{" "}
        <span className="muted">Valid until {formatDateTime(offer.expiresAt)}.</span>
      </p>
      {visitor?.isOperator === true && (
        <p className="notice">
          This browser is signed in as the operator of the server. After joining, it is signed in as you.
        </p>
      )}
      {member !== undefined ? (
        <AccessForm
          submitLabel={`Join as ${member.name ?? member.email}`}
          isPending={accept.isPending || accept.isSuccess}
          error={accept.error}
          onSubmit={() => accept.mutate()}
        >
          <p className="muted">You are signed in as {member.email}.</p>
        </AccessForm>
      ) : hasAccount ? (
        <SignInForm
          submitLabel="Sign in and join"
          email={offer.email ?? undefined}
          onSignedIn={() => void leaveOperator(visitor).then(() => accept.mutate())}
        />
      ) : (
        <SignUpForm token={token} offer={offer} onDone={() => void leaveOperator(visitor).then(enter)} />
      )}
      {member === undefined && accept.error !== null && <ErrorNotice error={accept.error} />}
      {member === undefined && <ProviderButtons invitation={token} before={() => leaveOperator(visitor)} />}
      {member === undefined && (
        <p className="access-foot small">
          {hasAccount ? "No account yet? " : "Already have an account? "}
          <button type="button" className="link-button" onClick={() => setHasAccount(!hasAccount)}>
            {hasAccount ? "Create one" : "Sign in"}
          </button>
        </p>
      )}
    </AccessFrame>
  );
}

function SignUpForm({
  token,
  offer,
  onDone,
}: {
  readonly token: string;
  readonly offer: InvitationOffer;
  readonly onDone: () => void;
}) {
  const [name, setName] = useState("");
  const [typed, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const email = offer.email ?? typed;
  const signUp = useMutation({
    mutationFn: () =>
      request("POST", "/people/auth/sign-up/email", { name, email, password }, { [header]: token }),
    onSuccess: onDone,
  });
  return (
    <AccessForm
      submitLabel="Create account and join"
      isPending={signUp.isPending || signUp.isSuccess}
      error={signUp.error}
      onSubmit={() => signUp.mutate()}
    >
      <AccessField label="Name" autoComplete="name" value={name} onChange={setName} />
      <AccessField
        label="E-mail address"
        type="email"
        autoComplete="username"
        value={email}
        readOnly={offer.email !== null}
        {...(offer.email === null ? {} : { hint: "The invitation is for this address." })}
        onChange={setEmail}
      />
      <AccessField
        label="Password"
        type="password"
        autoComplete="new-password"
        hint="At least 12 characters."
        minLength={12}
        value={password}
        onChange={setPassword}
      />
    </AccessForm>
  );
}

/** The operator's login goes before the session of a person, in the same browser. */
async function leaveOperator(visitor: Profile | null): Promise<void> {
  if (visitor?.isOperator === true) await request("POST", "/auth/end");
}

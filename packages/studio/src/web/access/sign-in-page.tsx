import { request } from "@holdfast/web-parts/request";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ProviderProblem } from "../shared/browser/provider-problem.tsx";
import { signInOptionsQuery } from "../shared/people.ts";
import { SignInAs } from "./demo-team.tsx";
import { AccessField, AccessForm, AccessFrame } from "./frame.tsx";
import { PasskeySignIn } from "./passkey-sign-in.tsx";
import { ProviderButtons } from "./providers.tsx";

/** Sign-in with e-mail address and password. Everything is read again afterwards. */
export default function SignInPage() {
  const people = useQuery(signInOptionsQuery()).data?.demoTeam?.people;
  return (
    <AccessFrame title="Sign in">
      {people !== undefined && <SignInAs people={people} onSignedIn={() => window.location.reload()} />}
      <ProviderProblem />
      <SignInForm submitLabel="Sign in" onSignedIn={() => window.location.reload()} />
      <PasskeySignIn onSignedIn={() => window.location.reload()} />
      <ProviderButtons />
      <p className="small access-links">
        <a href="/sign-in">Sign in by a link</a>
        <a href="/reset">Forgot your password?</a>
      </p>
      <p className="access-foot muted small">
        No account? Ask an admin of your team for an invitation. The operator of this server signs in with the
        link of <code>npx holdfast url</code>.
      </p>
    </AccessFrame>
  );
}

export function SignInForm({
  submitLabel,
  email: given,
  onSignedIn,
}: {
  readonly submitLabel: string;
  /** The only address that may sign in here. */
  readonly email?: string | undefined;
  readonly onSignedIn: () => void;
}) {
  const [typed, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const email = given ?? typed;
  const signIn = useMutation({
    mutationFn: () => request("POST", "/people/auth/sign-in/email", { email, password }),
    onSuccess: onSignedIn,
  });
  return (
    <AccessForm
      submitLabel={submitLabel}
      isPending={signIn.isPending || signIn.isSuccess}
      error={signIn.error}
      onSubmit={() => signIn.mutate()}
    >
      <AccessField
        label="E-mail address"
        type="email"
        autoComplete="username webauthn"
        value={email}
        readOnly={given !== undefined}
        onChange={setEmail}
      />
      <AccessField
        label="Password"
        type="password"
        autoComplete="current-password"
        value={password}
        onChange={setPassword}
      />
    </AccessForm>
  );
}

import { ErrorNotice } from "@holdfast/web-parts";
import { request } from "@holdfast/web-parts/request";
import { useMutation } from "@tanstack/react-query";
import type { DemoPerson } from "../../contract/people.ts";

/** One button for each person of the demo team. */
export function SignInAs({
  people,
  onSignedIn,
}: {
  readonly people: readonly DemoPerson[];
  readonly onSignedIn: () => void;
}) {
  const signIn = useMutation({
    mutationFn: ({ email, password }: DemoPerson) =>
      request("POST", "/people/auth/sign-in/email", { email, password }),
    onSuccess: onSignedIn,
  });
  return (
    <section className="access-demo" aria-labelledby="demo-team">
      <p id="demo-team">This is the demo team. Who are you?</p>
      {people.map((person) => (
        <button
          key={person.email}
          type="button"
          className="button button-primary button-wide"
          disabled={signIn.isPending || signIn.isSuccess}
          onClick={() => signIn.mutate(person)}
        >
          Sign in as {person.name} ({person.role})
        </button>
      ))}
      {signIn.isError && <ErrorNotice error={signIn.error} />}
      <p className="muted small">Use a second browser, or a private window, for the other one.</p>
    </section>
  );
}

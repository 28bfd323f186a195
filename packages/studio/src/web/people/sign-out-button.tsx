import { ErrorNotice } from "@holdfast/web-parts";
import { useMutation } from "@tanstack/react-query";
import { peopleApi } from "./queries.ts";

/** Ends the session of this browser. */
export function SignOutButton({ isOperator }: { readonly isOperator: boolean }) {
  const signOut = useMutation({
    mutationFn: () => peopleApi.signOut(isOperator),
    onSuccess: () => window.location.assign("/"),
  });
  return (
    <>
      <button type="button" className="button" disabled={signOut.isPending} onClick={() => signOut.mutate()}>
        Sign out
      </button>
      {signOut.isError && <ErrorNotice error={signOut.error} />}
    </>
  );
}

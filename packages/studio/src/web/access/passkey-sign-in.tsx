import { ErrorNotice } from "@holdfast/web-parts";
import { useMutation } from "@tanstack/react-query";
import { useEffect } from "react";
import {
  canUsePasskeys,
  isPasskeyCancelled,
  offersPasskeys,
  passkeyProblem,
  signInWithPasskey,
  stopOfferingPasskeys,
} from "../shared/browser/passkeys.ts";

/** The question to the browser is asked again before its answer would come too late. */
const askAgainMs = 10 * 60 * 1000;

/** Signs in with a passkey: by a button, and in the field for the e-mail address where the browser can. */
export function PasskeySignIn({ onSignedIn }: { readonly onSignedIn: () => void }) {
  const signIn = useMutation({
    mutationFn: (isOffered: boolean) => signInWithPasskey(isOffered),
    onSuccess: onSignedIn,
  });
  const { mutate } = signIn;
  useEffect(() => {
    if (!canUsePasskeys()) return;
    let isShown = true;
    const offer = () => {
      void offersPasskeys().then((offers) => {
        if (offers && isShown) mutate(true);
      });
    };
    offer();
    const timer = setInterval(offer, askAgainMs);
    return () => {
      isShown = false;
      clearInterval(timer);
      void stopOfferingPasskeys();
    };
  }, [mutate]);
  if (!canUsePasskeys()) return null;
  const isAsked = signIn.isPending && !signIn.variables;
  const hasFailed = signIn.isError && !isPasskeyCancelled(signIn.error);
  return (
    <div className="access-form">
      <button
        type="button"
        className="button button-wide"
        disabled={isAsked || signIn.isSuccess}
        onClick={() => signIn.mutate(false)}
      >
        {isAsked && <span className="spinner" aria-hidden="true" />}
        Sign in with a passkey
      </button>
      {hasFailed && (
        <ErrorNotice error={passkeyProblem(signIn.error)} title="The passkey did not sign you in." />
      )}
    </div>
  );
}

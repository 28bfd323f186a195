import { request } from "@holdfast/web-parts/request";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { AskForLink } from "./ask-for-link.tsx";
import { AccessForm, AccessFrame } from "./frame.tsx";

/** Asks for a link to sign in, or signs in with the token of such a link, in the fragment of the address. */
export function SignInLinkPage() {
  const [token] = useState(() => new URLSearchParams(window.location.hash.slice(1)).get("token"));
  return token === null ? (
    <AskForLink
      title="Sign in by a link"
      submitLabel="Send me a link"
      path="/people/sign-in-link"
      mailed="If there is an account with this address, a link is on its way to it. It works once, for fifteen minutes."
      unmailed={{
        title: "Ask the operator for the link",
        text: "This server sends no mails. The link is in its log, for whoever runs it.",
      }}
      foot={<BackToSignIn />}
    />
  ) : (
    <UseLink token={token} />
  );
}

/** Asks before it signs in: programs that look at mails open links too. */
function UseLink({ token }: { readonly token: string }) {
  const signIn = useMutation({
    mutationFn: () => request("POST", "/people/sign-in-token", { token }),
    onSuccess: () => window.location.replace("/"),
  });
  return (
    <AccessFrame title="Sign in">
      <AccessForm
        submitLabel="Sign in"
        isPending={signIn.isPending || signIn.isSuccess}
        error={signIn.error}
        onSubmit={() => signIn.mutate()}
      >
        <p className="muted">You opened the link that was sent to you.</p>
      </AccessForm>
      <BackToSignIn />
    </AccessFrame>
  );
}

function BackToSignIn() {
  return (
    <p className="access-foot small">
      <a href="/">Back to sign-in</a>
    </p>
  );
}

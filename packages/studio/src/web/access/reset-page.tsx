import { request } from "@holdfast/web-parts/request";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { AskForLink } from "./ask-for-link.tsx";
import { AccessField, AccessForm, AccessFrame } from "./frame.tsx";

/** Asks for a link to set a new password, or sets it with the token of such a link, in the fragment of the address. */
export function ResetPage() {
  const [token] = useState(() => new URLSearchParams(window.location.hash.slice(1)).get("token"));
  return token === null ? (
    <AskForLink
      title="Reset your password"
      submitLabel="Ask for a link"
      path="/people/reset"
      mailed="If there is an account with this address, a link is on its way to it. It works once, for an hour."
      unmailed={{
        title: "Ask an admin for the link",
        text: "This server sends no mails. An admin of your team creates a link for you on the page People.",
      }}
      foot={<BackToSignIn />}
    />
  ) : (
    <NewPassword token={token} />
  );
}

function NewPassword({ token }: { readonly token: string }) {
  const [password, setPassword] = useState("");
  const change = useMutation({
    mutationFn: () => request("POST", "/people/auth/reset-password", { token, newPassword: password }),
  });
  if (change.isSuccess)
    return (
      <AccessFrame title="Your password is changed">
        <p role="status">All your sessions have ended.</p>
        <BackToSignIn />
      </AccessFrame>
    );
  return (
    <AccessFrame title="Choose a new password">
      <AccessForm
        submitLabel="Change password"
        isPending={change.isPending}
        error={change.error}
        onSubmit={() => change.mutate()}
      >
        <AccessField
          label="New password"
          type="password"
          autoComplete="new-password"
          hint="At least 12 characters."
          minLength={12}
          value={password}
          onChange={setPassword}
        />
      </AccessForm>
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

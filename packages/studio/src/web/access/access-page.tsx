/** Pages for those who are not signed in: sign-in, joining by an invitation, a new password, and a link to sign in. */
import { JoinPage } from "./join-page.tsx";
import { ResetPage } from "./reset-page.tsx";
import { SignInLinkPage } from "./sign-in-link-page.tsx";

/** The page of the address, which needs no session. */
export default function AccessPage() {
  switch (window.location.pathname) {
    case "/reset":
      return <ResetPage />;
    case "/sign-in":
      return <SignInLinkPage />;
    default:
      return <JoinPage />;
  }
}

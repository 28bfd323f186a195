/** Pages for those who are not signed in: sign-in, joining by an invitation, and a new password. */
import { JoinPage } from "./join-page.tsx";
import { ResetPage } from "./reset-page.tsx";

/** The page of the address, which needs no session. */
export default function AccessPage() {
  return window.location.pathname === "/reset" ? <ResetPage /> : <JoinPage />;
}

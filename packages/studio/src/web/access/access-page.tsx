/** Pages for those who are not signed in: sign-in, and joining by an invitation. */
import { JoinPage } from "./join-page.tsx";

/** The page of the address, which needs no session. */
export default function AccessPage() {
  return <JoinPage />;
}

import { appPart, BrandMark, usePageTitle } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { signInOptionsQuery } from "../shared/people.ts";

const SignInPage = lazy(appPart(() => import("../access/sign-in-page.tsx")));

/** Shown without a session. */
export function SignIn({ refused }: { readonly refused: boolean }) {
  const options = useQuery(signInOptionsQuery());
  if (options.isPending) return null;
  if (options.data?.people !== true || refused) return <LinkNeeded refused={refused} />;
  return (
    <Suspense>
      <SignInPage />
    </Suspense>
  );
}

/** There is nothing to type in: a link is the operator's only way to sign in. */
function LinkNeeded({ refused }: { readonly refused: boolean }) {
  usePageTitle("Sign in");
  return (
    <main className="sign-in">
      <BrandMark size={40} />
      <h1>{refused ? "This link was already used or has expired" : "This browser is not signed in"}</h1>
      <p>
        Holdfast signs a browser in with a one-time link. Each link works once, for five minutes; after that
        this browser is remembered.
      </p>
      <ol>
        <li>
          In a terminal on the machine that runs Holdfast, get a new link:
          <pre>
            <code>npx holdfast url</code>
          </pre>
        </li>
        <li>Open the link that it prints. “npm start” prints one as well.</li>
      </ol>
    </main>
  );
}

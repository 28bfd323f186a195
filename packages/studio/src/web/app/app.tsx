/** Frame, routes, sign-in. */
import { appPart } from "@holdfast/web-parts";
import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useMemo, useState } from "react";
import { ApiProvider } from "../shared/context.ts";
import { isSignedOut } from "../shared/errors.ts";
import type { StudioApi } from "../shared/port.ts";
import type { ExchangeResult } from "./auth.ts";
import { createAppRouter, preloadTask } from "./router.tsx";
import { SignIn } from "./sign-in.tsx";

/** Pages for those who are not signed in, where people have accounts. */
const AccessPage = lazy(appPart(() => import("../access/access-page.tsx")));
const accessPaths: readonly string[] = ["/join", "/reset", "/sign-in"];

/** Screens may assume that this browser is signed in; the first refusal replaces the page. */
export function App({
  api,
  basepath,
  exchange,
}: {
  readonly api: StudioApi;
  /** What the addresses of the organization begin with. */
  readonly basepath: string;
  readonly exchange: ExchangeResult | undefined;
}) {
  const [signedOut, setSignedOut] = useState(exchange === "refused");
  const queries = useMemo(
    () =>
      new QueryClient({
        queryCache: new QueryCache({
          onError: (error) => {
            if (isSignedOut(error)) setSignedOut(true);
          },
        }),
        defaultOptions: {
          queries: {
            // Changes are pushed over the live connection; only failed requests are retried.
            staleTime: 10_000,
            refetchOnWindowFocus: false,
            retry: (failures, error) => !isSignedOut(error) && failures < 2,
            retryDelay: (attempt) => Math.min(4_000, 400 * 2 ** attempt),
            networkMode: "always",
          },
          mutations: { networkMode: "always" },
        },
      }),
    [],
  );
  const router = useMemo(() => createAppRouter(basepath), [basepath]);
  useEffect(preloadTask, []);
  const isAccessPage = accessPaths.includes(window.location.pathname);
  return (
    <ApiProvider value={api}>
      <QueryClientProvider client={queries}>
        {isAccessPage ? (
          <Suspense>
            <AccessPage />
          </Suspense>
        ) : signedOut ? (
          <SignIn refused={exchange === "refused"} />
        ) : (
          <RouterProvider router={router} />
        )}
      </QueryClientProvider>
    </ApiProvider>
  );
}

/** Frame, routes and connection of the app. */
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { useEffect, useMemo, useSyncExternalStore } from "react";
import { FeedContext, type StatusFeed } from "../dev/status-feed.ts";
import { createAppRouter } from "./router.tsx";

/** The inspector. Each version of the program is read anew, as its actors have woken with other code. */
export function App({ feed }: { readonly feed: StatusFeed }) {
  useEffect(() => feed.start(), [feed]);
  const version = useSyncExternalStore(feed.subscribe, () => feed.snapshot().status?.version);
  const router = useMemo(() => createAppRouter(), []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a version has its own answers.
  const queries = useMemo(
    () =>
      new QueryClient({
        defaultOptions: {
          queries: { networkMode: "always", staleTime: 30_000 },
          mutations: { networkMode: "always" },
        },
      }),
    [version],
  );
  return (
    <FeedContext value={feed}>
      <QueryClientProvider client={queries} key={version}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </FeedContext>
  );
}

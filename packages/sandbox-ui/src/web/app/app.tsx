/** Frame, routes and connection of the app. */
import { Loading, tabStorage } from "@holdfast/web-parts";
import { isSandboxStopped, isUnreachable } from "@holdfast/web-parts/sandbox";
import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { type Connection, withToken } from "../api/connection.ts";
import { ApiProvider } from "../api/context.ts";
import { isSignedOut } from "../api/errors.ts";
import { SandboxApi } from "../api/sandbox-api.ts";
import { ConnectScreen } from "./connect-screen.tsx";
import { type Link, LinkContext } from "./link.ts";
import { createAppRouter } from "./router.tsx";

/** The inspector, once it has access to its server; before that, the form for the token. */
export function App({ connection: first }: { readonly connection: Connection }) {
  const [connection, setConnection] = useState(first);
  const [api, setApi] = useState<SandboxApi>();
  const [refused, setRefused] = useState<unknown>();
  useEffect(() => {
    let current = true;
    setApi(undefined);
    setRefused(undefined);
    void openApi(connection).then(
      (opened) => current && setApi(opened),
      (error: unknown) => current && setRefused(error),
    );
    return () => {
      current = false;
    };
  }, [connection]);
  if (refused !== undefined) {
    return (
      <ConnectScreen
        error={refused}
        tried={connection.token !== undefined}
        taskPath={connection.taskPath}
        onRetry={() => setConnection({ ...connection })}
        onToken={(token) => setConnection(withToken(connection, token, tabStorage()))}
      />
    );
  }
  if (api === undefined) return <Loading label="Connecting to the sandbox server" />;
  return <Connected api={api} connection={connection} onSignedOut={setRefused} />;
}

async function openApi(connection: Connection): Promise<SandboxApi> {
  const api = await SandboxApi.connect(connection);
  // Health requires the token as well, so it shows whether the token is right.
  await api.send("/v1/health");
  return api;
}

function Connected({
  api,
  connection: { basePath, taskPath },
  onSignedOut,
}: {
  readonly api: SandboxApi;
  readonly connection: Connection;
  readonly onSignedOut: (error: unknown) => void;
}) {
  const [link, setLink] = useState<Link>("online");
  const [queries, router] = useMemo(() => {
    const cache = new QueryCache({
      onError(error) {
        if (isSignedOut(error)) onSignedOut(error);
        else if (isUnreachable(error)) setLink("offline");
        else if (isSandboxStopped(error)) setLink("ended");
      },
      onSuccess: () => setLink("online"),
    });
    const client = new QueryClient({
      queryCache: cache,
      // The queries refetch at their intervals anyway.
      defaultOptions: {
        queries: { retry: false, networkMode: "always" },
        mutations: { networkMode: "always" },
      },
    });
    return [client, createAppRouter(basePath, taskPath)] as const;
  }, [basePath, onSignedOut, taskPath]);
  return (
    <ApiProvider value={api}>
      <QueryClientProvider client={queries}>
        <LinkContext value={link}>
          <RouterProvider router={router} />
        </LinkContext>
      </QueryClientProvider>
    </ApiProvider>
  );
}

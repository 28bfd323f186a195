/** Frame, routes and connection of the app. */
import { HoldfastError } from "@holdfast/core";
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

/** Pause before a server that does not answer is asked again. */
const retryMs = 2_000;
/** How long a server may take to say that it is there. */
const answerMs = 15_000;

/** The inspector, once it has access to its server; before that, the form for the token. */
export function App({ connection: first }: { readonly connection: Connection }) {
  const [connection, setConnection] = useState(first);
  const [api, setApi] = useState<SandboxApi>();
  const [refused, setRefused] = useState<unknown>();
  useEffect(() => {
    let current = true;
    setApi(undefined);
    // While the server is away, the page says so until it is back.
    setRefused((before: unknown) => (isUnreachable(before) ? before : undefined));
    void openApi(connection).then(
      (opened) => {
        if (!current) return;
        setRefused(undefined);
        setApi(opened);
      },
      (error: unknown) => current && setRefused(error),
    );
    return () => {
      current = false;
    };
  }, [connection]);
  useEffect(() => {
    if (!isUnreachable(refused)) return;
    const timer = setTimeout(() => setConnection((before) => ({ ...before })), retryMs);
    return () => clearTimeout(timer);
  }, [refused]);
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

/** Throws `sandbox.unreachable`, and errors of the server. */
async function openApi(connection: Connection): Promise<SandboxApi> {
  const api = await SandboxApi.connect(connection);
  const late = AbortSignal.timeout(answerMs);
  try {
    // Health requires the token as well, so it shows whether the token is right.
    await api.send("/v1/health", { signal: late });
  } catch (cause) {
    if (!late.aborted) throw cause;
    throw new HoldfastError("sandbox", "unreachable", "The sandbox server does not answer", {
      statusCode: 503,
      cause,
    });
  }
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

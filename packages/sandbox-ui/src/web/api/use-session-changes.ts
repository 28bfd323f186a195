import { isPermanentRefusal, pause, readServerSentEvents } from "@holdfast/web-parts/sandbox";
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useApi } from "./context.ts";
import { keys } from "./queries.ts";
import type { SandboxApi } from "./sandbox-api.ts";

const retryMs = 1_000;
/** Changes within this time are answered by one request for the list. */
const debounceMs = 200;

/** Refetches the list of sessions whenever the server reports that one was created, changed or deleted. */
export function useSessionChanges(): void {
  const api = useApi();
  const queries = useQueryClient();
  useEffect(() => {
    const abort = new AbortController();
    void followChanges(api, queries, abort.signal);
    return () => abort.abort();
  }, [api, queries]);
}

/** Follows until the signal is aborted or the server refuses; a broken stream is reopened. */
async function followChanges(api: SandboxApi, queries: QueryClient, signal: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const refetchList = () => {
    timer = undefined;
    void queries.invalidateQueries({ queryKey: keys.sessions, exact: true });
  };
  // "ready" counts, too: changes while the stream was down are not reported.
  const onEvent = () => {
    timer ??= setTimeout(refetchList, debounceMs);
  };
  signal.addEventListener("abort", () => clearTimeout(timer));
  while (!signal.aborted) {
    try {
      await readServerSentEvents(await api.followSessions(signal), onEvent);
    } catch (error) {
      // The list's own query shows the error and offers to try again.
      if (isPermanentRefusal(error)) return;
      if (!signal.aborted) refetchList();
    }
    await pause(retryMs, signal);
  }
}

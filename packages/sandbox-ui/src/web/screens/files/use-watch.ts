import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useApi } from "../../api/context.ts";
import { isPermanentRefusal } from "../../api/errors.ts";
import { type FileRef, fileRefQuery } from "../../api/file-ref.ts";
import { pause } from "../../api/pause.ts";
import { keys } from "../../api/queries.ts";
import type { SandboxApi } from "../../api/sandbox-api.ts";
import { readServerSentEvents } from "../../api/server-sent.ts";

const retryMs = 1_000;

/** Refetches the directory when something in it changes, if the server supports watching. */
export function useWatch(directory: FileRef): void {
  const api = useApi();
  const queries = useQueryClient();
  useEffect(() => {
    const abort = new AbortController();
    void keepWatching(api, queries, directory, abort.signal);
    return () => abort.abort();
  }, [api, directory, queries]);
}

/** Until the signal is aborted or the server refuses; a broken watch is reopened. */
async function keepWatching(
  api: SandboxApi,
  queries: QueryClient,
  directory: FileRef,
  signal: AbortSignal,
): Promise<void> {
  let failed = false;
  const list = () => void queries.invalidateQueries({ queryKey: keys.directory(directory) });
  const take = (event: string | undefined) => {
    failed ||= event === "failed";
    // On "ready", too: changes while the watch was down are not reported.
    list();
  };
  while (!signal.aborted && !failed) {
    try {
      const response = await api.send("/v1/fs/watch", { query: fileRefQuery(directory), signal });
      await readServerSentEvents(response, take);
    } catch (error) {
      // The listing shows its own error and retries itself.
      if (isPermanentRefusal(error)) return;
      // The error explains why the listing may be outdated.
      if (!signal.aborted) list();
    }
    await pause(retryMs, signal);
  }
}

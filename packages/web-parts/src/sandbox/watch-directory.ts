import { isPermanentRefusal } from "./errors.ts";
import { type FileRef, fileRefQuery } from "./file-ref.ts";
import { pause } from "./pause.ts";
import type { SandboxHttp } from "./sandbox-http.ts";
import { readServerSentEvents } from "./server-sent.ts";

const retryMs = 1_000;

export interface DirectoryWatch {
  readonly directory: FileRef;
  /** Includes everything below the directory. */
  readonly recursive?: boolean;
  /** Called with the path that has changed, or without one if changes may have been missed. */
  readonly onChange: (path?: string) => void;
  readonly signal: AbortSignal;
}

/** Watches until the signal is aborted or the server refuses. A broken watch is reopened. */
export async function watchDirectory(
  api: Pick<SandboxHttp, "send">,
  { directory, recursive = false, onChange, signal }: DirectoryWatch,
): Promise<void> {
  let failed = false;
  const take = (event: string | undefined, data: string) => {
    failed ||= event === "failed";
    // "ready" has no path: changes while the watch was down are not reported.
    onChange(event === "change" ? changedPath(data) : undefined);
  };
  const query = { ...fileRefQuery(directory), ...(recursive ? { recursive } : {}) };
  while (!signal.aborted && !failed) {
    try {
      const response = await api.send("/v1/fs/watch", { query, signal });
      await readServerSentEvents(response, take);
    } catch (error) {
      // The listing shows its own error and retries itself.
      if (isPermanentRefusal(error)) return;
      // The error explains why the listing may be outdated.
      if (!signal.aborted) onChange();
    }
    await pause(retryMs, signal);
  }
}

function changedPath(data: string): string | undefined {
  const change: unknown = JSON.parse(data);
  return typeof change === "object" && change !== null && "path" in change && typeof change.path === "string"
    ? change.path
    : undefined;
}

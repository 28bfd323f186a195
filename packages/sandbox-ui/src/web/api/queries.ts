import { queryOptions } from "@tanstack/react-query";
import type { SandboxApi } from "./sandbox-api.ts";

/** No stream reports every change of a session, a permission or a process, so they are polled while they are shown. */
const refetchInterval = 2_000;

export const keys = {
  sessions: ["sessions"],
  session: (id: string) => ["sessions", id],
  permissions: ["permissions"],
  processes: ["processes"],
  agents: ["agents"],
  directory: (path: string) => ["files", path],
  file: (path: string) => ["file", path],
  config: ["config"],
} as const;

export function sessionsQuery(api: SandboxApi) {
  return queryOptions({
    queryKey: keys.sessions,
    // Pushed: useSessionChanges refetches it when the server reports a change.
    queryFn: ({ signal }) => api.listSessions(signal),
  });
}

export function sessionQuery(api: SandboxApi, id: string) {
  return queryOptions({
    queryKey: keys.session(id),
    queryFn: ({ signal }) => api.getSession(id, signal),
    refetchInterval,
  });
}

/** For one session, or all. */
export function permissionsQuery(api: SandboxApi, sessionId?: string) {
  return queryOptions({
    queryKey: [...keys.permissions, sessionId ?? "all"],
    queryFn: ({ signal }) => api.listPermissions(sessionId, signal),
    refetchInterval,
  });
}

export function processesQuery(api: SandboxApi) {
  return queryOptions({
    queryKey: keys.processes,
    queryFn: ({ signal }) => api.listProcesses(signal),
    refetchInterval,
  });
}

/** `config` makes the server inspect every agent's version and settings, so it is requested rarely. */
export function agentsQuery(api: SandboxApi) {
  return queryOptions({
    queryKey: keys.agents,
    queryFn: async () => (await api.client.listAgents({ config: true })).agents,
    staleTime: 30_000,
  });
}

export function directoryQuery(api: SandboxApi, path: string) {
  return queryOptions({
    queryKey: keys.directory(path),
    queryFn: ({ signal }) => api.listEntries(path, signal),
  });
}

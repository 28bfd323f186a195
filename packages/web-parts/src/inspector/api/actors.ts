import type { ActorKey } from "@holdfast/core";
import { query, request } from "../../request.ts";
import type {
  ActorAddress,
  ActorFilter,
  ActorPage,
  CronFire,
  DatabaseRow,
  DatabaseTable,
  InspectedActor,
  KvPage,
  LogRecord,
  QueueMessage,
  QueueView,
  SchedulesView,
  Span,
  WorkflowView,
} from "./types.ts";

const toQuery = (filter: ActorFilter) => ({
  name: filter.name,
  prefix: filter.prefix,
  status: filter.status,
});

/** All actors of the server. */
export const actors = {
  list: (filter: ActorFilter, limit: number, cursor?: string) =>
    request<ActorPage>("GET", `/actors${query({ ...toQuery(filter), limit, cursor })}`),
  count: async (filter: ActorFilter) =>
    (await request<{ count: number }>("GET", `/actors/count${query(toQuery(filter))}`)).count,
  names: async () =>
    Object.keys((await request<{ names: Record<string, unknown> }>("GET", "/actors/names")).names),
} as const;

export function actorPath({ name, id }: ActorAddress): string {
  return `/actors/${encodeURIComponent(name)}/${encodeURIComponent(id)}`;
}

type Ok = { readonly ok: boolean };

/** One actor: its parts, and the operations on it. A request wakes it. */
export function inspect(address: ActorAddress) {
  const path = actorPath(address);
  const at = `${path}/inspector`;
  const part = encodeURIComponent;
  return {
    sleep: () => request<void>("POST", `${path}/sleep`),
    destroy: () => request<void>("DELETE", path),
    fork: (body: { readonly key: ActorKey; readonly at?: number }) =>
      request<ActorAddress>("POST", `${path}/fork`, body),
    exportUrl: `${path}/export`,
    customTabUrl: (id: string) => `${at}/custom-tabs/${part(id)}/index.html`,
    summary: () => request<InspectedActor>("GET", `${at}/summary`),
    setState: (state: unknown) => request<Ok>("PATCH", `${at}/state`, { state }),
    disconnect: (id: string) => request<Ok>("DELETE", `${at}/connections/${part(id)}`),
    call: async (action: string, args: readonly unknown[]) =>
      (await request<{ output: unknown }>("POST", `${at}/action/${part(action)}`, { args })).output,
    queue: () => request<QueueView>("GET", `${at}/queue`),
    send: (name: string, body: unknown, options?: { readonly delayMs: number }) =>
      request<{ id: number }>("POST", `${at}/queue`, {
        name,
        body,
        ...(options === undefined ? {} : { options }),
      }),
    clearQueue: () => request<{ cleared: number }>("DELETE", `${at}/queue`),
    deleteMessage: (id: number) => request<Ok>("DELETE", `${at}/queue/${id}`),
    deadLetters: async () =>
      (await request<{ messages: readonly QueueMessage[] }>("GET", `${at}/queue/dead-letters`)).messages,
    retryDeadLetter: (id: number) => request<Ok>("POST", `${at}/queue/dead-letters/${id}/retry`),
    deleteDeadLetter: (id: number) => request<Ok>("DELETE", `${at}/queue/dead-letters/${id}`),
    schedules: () => request<SchedulesView>("GET", `${at}/schedules`),
    scheduleHistory: async (name: string) =>
      (await request<{ history: readonly CronFire[] }>("GET", `${at}/schedules/${part(name)}/history`))
        .history,
    schedule: (name: string, verb: "run" | "pause" | "resume" | "retry") =>
      request<Ok>("POST", `${at}/schedules/${part(name)}/${verb}`),
    deleteSchedule: (name: string) => request<Ok>("DELETE", `${at}/schedules/${part(name)}`),
    workflow: () => request<WorkflowView>("GET", `${at}/workflow-history`),
    replay: (entryId?: string) =>
      request<WorkflowView>("POST", `${at}/workflow/replay`, entryId === undefined ? {} : { entryId }),
    cancelWorkflow: (reason: string) =>
      request<Ok>("POST", `${at}/workflow/cancel`, reason === "" ? {} : { reason }),
    tables: async () =>
      (await request<{ schema: { tables: readonly DatabaseTable[] } }>("GET", `${at}/database/schema`)).schema
        .tables,
    rows: async (table: string, limit: number, offset: number) =>
      (
        await request<{ rows: readonly DatabaseRow[] }>(
          "GET",
          `${at}/database/rows${query({ table, limit, offset })}`,
        )
      ).rows,
    execute: async (sql: string, readOnly: boolean) =>
      (
        await request<{ rows: readonly DatabaseRow[] }>("POST", `${at}/database/execute`, {
          sql,
          args: [],
          readOnly,
        })
      ).rows,
    kv: (prefix: string, limit: number, cursor?: string) =>
      request<KvPage>("GET", `${at}/kv${query({ prefix, limit, cursor })}`),
    putKv: (key: string, text: string) => request<Ok>("PUT", `${at}/kv/${part(key)}`, { text }),
    deleteKv: (key: string) => request<Ok>("DELETE", `${at}/kv/${part(key)}`),
    logs: async () =>
      (await request<{ records: readonly LogRecord[] }>("GET", `${at}/logs?limit=200`)).records,
    traces: () => request<{ spans: readonly Span[]; clamped: boolean }>("GET", `${at}/traces?limit=200`),
    stateAt: async (time: number) =>
      (await request<{ state: unknown }>("GET", `${at}/history/at${query({ time })}`)).state,
  } as const;
}

export type ActorInspector = ReturnType<typeof inspect>;

import type { SessionConfigOption, SessionModeState } from "@holdfast/sandbox-client";
import type {
  AgentListEntry,
  CreateSessionOptions,
  GetEventsOptions,
  JsonRpcNotification,
  JsonRpcResponse,
  PermissionReply,
  PersistedSessionEvent,
  PersistedSessionRecord,
  PromptResult,
  SequencedEvent,
  SessionRecord,
} from "../types.ts";
import { parts, type WithMachine } from "./with-machine.ts";

/** Sessions with agents in the machine. */
export const sessionActions = {
  listAgents: (c: WithMachine): Promise<AgentListEntry[]> => parts(c).sessions.listAgents(),
  createSession: (
    c: WithMachine,
    agentType: string,
    options?: CreateSessionOptions,
  ): Promise<SessionRecord> => parts(c).sessions.create(agentType, options),
  listSessions: (c: WithMachine): Promise<{ sessionId: string; agentType: string }[]> =>
    parts(c).sessions.list(),
  getSession: (c: WithMachine, sessionId: string): Promise<SessionRecord> => parts(c).sessions.get(sessionId),
  resumeSession: (c: WithMachine, sessionId: string): Promise<{ sessionId: string }> =>
    parts(c).sessions.resume(sessionId),
  closeSession: (c: WithMachine, sessionId: string): Promise<void> => parts(c).sessions.close(sessionId),
  destroySession: (c: WithMachine, sessionId: string): Promise<void> => parts(c).sessions.destroy(sessionId),
  sendPrompt: (c: WithMachine, sessionId: string, text: string): Promise<PromptResult> =>
    parts(c).sessions.prompt(sessionId, text),
  cancelPrompt: (c: WithMachine, sessionId: string): Promise<JsonRpcResponse> =>
    parts(c).sessions.cancel(sessionId),
  respondPermission: (
    c: WithMachine,
    sessionId: string,
    permissionId: string,
    reply: PermissionReply,
  ): Promise<JsonRpcResponse> => parts(c).sessions.respondPermission(sessionId, permissionId, reply),
  setMode: (c: WithMachine, sessionId: string, modeId: string): Promise<JsonRpcResponse> =>
    parts(c).sessions.setMode(sessionId, modeId),
  setModel: (c: WithMachine, sessionId: string, model: string): Promise<JsonRpcResponse> =>
    parts(c).sessions.setModel(sessionId, model),
  setThoughtLevel: (c: WithMachine, sessionId: string, level: string): Promise<JsonRpcResponse> =>
    parts(c).sessions.setThoughtLevel(sessionId, level),
  getModes: (c: WithMachine, sessionId: string): Promise<SessionModeState | null> =>
    parts(c).sessions.getModes(sessionId),
  getConfigOptions: (c: WithMachine, sessionId: string): Promise<SessionConfigOption[]> =>
    parts(c).sessions.getConfigOptions(sessionId),
  rawSend: (
    c: WithMachine,
    sessionId: string,
    method: string,
    params?: Readonly<Record<string, unknown>>,
  ): Promise<JsonRpcResponse> => parts(c).sessions.rawSend(sessionId, method, params),
  getEvents: async (
    c: WithMachine,
    sessionId: string,
    options?: GetEventsOptions,
  ): Promise<JsonRpcNotification[]> =>
    (await parts(c).sessions.events(sessionId, options)).map(({ notification }) => notification),
  getSequencedEvents: (
    c: WithMachine,
    sessionId: string,
    options?: GetEventsOptions,
  ): Promise<SequencedEvent[]> => parts(c).sessions.events(sessionId, options),
  listPersistedSessions: (c: WithMachine): Promise<PersistedSessionRecord[]> =>
    parts(c).sessions.listPersisted(),
  getSessionEvents: (c: WithMachine, sessionId: string): Promise<PersistedSessionEvent[]> =>
    parts(c).sessions.history(sessionId),
};

import type {
  PromptRequest,
  PromptResponse,
  RequestPermissionResponse,
  SessionConfigOption,
  SessionModeState,
  SetSessionConfigOptionResponse,
  SetSessionModeResponse,
} from "../acp/acp-types.ts";
import { readPrompt } from "../acp/acp-values.ts";
import type {
  PermissionReply,
  PermissionRequestListener,
  SessionEventListener,
  SessionRecord,
  SessionRecovery,
  SessionSendOptions,
} from "./sessions.ts";

export interface PromptOptions {
  /** Aborting it cancels the turn at the agent; the prompt then resolves with how the turn ended. */
  readonly signal?: AbortSignal;
}

/** Operations of the client that a session needs. */
export interface SessionClient {
  recoveryOf(id: string): SessionRecovery | undefined;
  getSession(id: string): Promise<Session | null>;
  rawSendSessionMethod(
    id: string,
    method: string,
    params: Record<string, unknown>,
    options?: SessionSendOptions,
  ): Promise<{ response: unknown }>;
  cancelSession(id: string): Promise<void>;
  setSessionMode(id: string, modeId: string): Promise<{ response: SetSessionModeResponse }>;
  setSessionConfigOption(id: string, configId: string, value: string): Promise<OptionSet>;
  setSessionModel(id: string, model: string): Promise<OptionSet>;
  setSessionThoughtLevel(id: string, thoughtLevel: string): Promise<OptionSet>;
  getSessionConfigOptions(id: string): Promise<SessionConfigOption[]>;
  getSessionModes(id: string): Promise<SessionModeState | null>;
  onSessionEvent(id: string, listener: SessionEventListener): () => void;
  onPermissionRequest(id: string, listener: PermissionRequestListener): () => void;
  respondPermission(permissionId: string, reply: PermissionReply): Promise<void>;
  rawRespondPermission(permissionId: string, response: RequestPermissionResponse): Promise<void>;
}

interface OptionSet {
  response: SetSessionConfigOptionResponse;
}

/** A conversation with an agent. */
export class Session {
  #record: SessionRecord;
  readonly #sandbox: SessionClient;

  constructor(sandbox: SessionClient, record: SessionRecord) {
    this.#sandbox = sandbox;
    this.#record = record;
  }

  get id(): string {
    return this.#record.id;
  }

  get agent(): string {
    return this.#record.agent;
  }

  /** The agent's own id of the session. */
  get agentSessionId(): string {
    return this.#record.agentSessionId;
  }

  get lastConnectionId(): string {
    return this.#record.lastConnectionId;
  }

  /** Milliseconds since the epoch. */
  get createdAt(): number {
    return this.#record.createdAt;
  }

  get destroyedAt(): number | undefined {
    return this.#record.destroyedAt;
  }

  /** How the session came back the last time that this client had to bring it back. */
  get recovery(): SessionRecovery | undefined {
    return this.#sandbox.recoveryOf(this.id);
  }

  /** Reads the record again. */
  async refresh(): Promise<Session> {
    const current = await this.#sandbox.getSession(this.id);
    if (current) this.apply(current.toRecord());
    return this;
  }

  /** Sends any method of ACP with the id of this session. */
  async rawSend(
    method: string,
    params: Record<string, unknown> = {},
    options: SessionSendOptions = {},
  ): Promise<unknown> {
    const { response } = await this.#sandbox.rawSendSessionMethod(this.id, method, params, options);
    return response;
  }

  /**
   * Starts a turn and resolves when it ends, after all of its events were delivered. Throws {@link AcpRpcError} if the
   * agent answers with an error or exits, and `sandbox.session_destroyed` for a destroyed session.
   */
  async prompt(prompt: PromptRequest["prompt"], options: PromptOptions = {}): Promise<PromptResponse> {
    const { signal } = options;
    signal?.throwIfAborted();
    const cancel = () => {
      // A turn that cannot be cancelled has ended, or its end comes by the prompt itself.
      this.cancel().catch(() => {});
    };
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      return readPrompt(await this.rawSend("session/prompt", { prompt }));
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  /** Cancels the running turn; its prompt resolves with `cancelled`. The session stays usable. */
  async cancel(): Promise<void> {
    await this.#sandbox.cancelSession(this.id);
  }

  async setMode(modeId: string): Promise<SetSessionModeResponse> {
    return (await this.#sandbox.setSessionMode(this.id, modeId)).response;
  }

  async setConfigOption(configId: string, value: string): Promise<SetSessionConfigOptionResponse> {
    return (await this.#sandbox.setSessionConfigOption(this.id, configId, value)).response;
  }

  async setModel(model: string): Promise<SetSessionConfigOptionResponse> {
    return (await this.#sandbox.setSessionModel(this.id, model)).response;
  }

  async setThoughtLevel(thoughtLevel: string): Promise<SetSessionConfigOptionResponse> {
    return (await this.#sandbox.setSessionThoughtLevel(this.id, thoughtLevel)).response;
  }

  async getConfigOptions(): Promise<SessionConfigOption[]> {
    return await this.#sandbox.getSessionConfigOptions(this.id);
  }

  async getModes(): Promise<SessionModeState | null> {
    return await this.#sandbox.getSessionModes(this.id);
  }

  /** Calls `listener` with each event when it is on record; returns what ends that. */
  onEvent(listener: SessionEventListener): () => void {
    return this.#sandbox.onSessionEvent(this.id, listener);
  }

  onPermissionRequest(listener: PermissionRequestListener): () => void {
    return this.#sandbox.onPermissionRequest(this.id, listener);
  }

  async respondPermission(permissionId: string, reply: PermissionReply): Promise<void> {
    await this.#sandbox.respondPermission(permissionId, reply);
  }

  async rawRespondPermission(permissionId: string, response: RequestPermissionResponse): Promise<void> {
    await this.#sandbox.rawRespondPermission(permissionId, response);
  }

  /** A copy of the session's record. */
  toRecord(): SessionRecord {
    return structuredClone(this.#record);
  }

  apply(record: SessionRecord): void {
    this.#record = structuredClone(record);
  }
}

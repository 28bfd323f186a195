import { isHoldfastError, version } from "@holdfast/core";
import { HttpAcpConnection } from "../../acp.ts";
import { type Headers, Http, isRecord, mayPass, plainHeaders } from "../../internal/http.ts";
import { clientLimits } from "../../limits.ts";
import type { AcpConnection, AgentExit, Envelope, RpcId, RpcMessage } from "../../types.ts";
import { AcpRpcError } from "../errors.ts";
import type { SessionSendOptions } from "../sessions/sessions.ts";
import type {
  AcpEnvelopeDirection,
  AnyMessage,
  NewSessionRequest,
  NewSessionResponse,
  RequestPermissionRequest,
  RequestPermissionResponse,
} from "./acp-types.ts";
import { isMessage, readNewSession, readPermissionRequest, readSettings } from "./acp-values.ts";
import { ClientMcpChannels, type ClientMcpServers } from "./client-mcp.ts";

/**
 * A server that responds only after the agent's answer would delay later messages of the turn, such as cancels and
 * answers to permissions. Ours responds immediately.
 */
const orderForMs = 250;
const answerAgainMs = 250;
const keyMethods = new Set(["codex-api-key", "openai-api-key", "anthropic-api-key"]);

export interface LiveAcpConnectionOptions {
  baseUrl: string;
  token?: string;
  fetcher: typeof fetch;
  headers?: Headers;
  agent: string;
  serverId: string;
  /** Called with each message in order, before it is sent or delivered; awaited. */
  onObservedEnvelope: (
    connection: LiveAcpConnection,
    envelope: AnyMessage,
    direction: AcpEnvelopeDirection,
    localSessionId: string | null,
  ) => void | Promise<void>;
  onPermissionRequest: (
    connection: LiveAcpConnection,
    localSessionId: string,
    agentSessionId: string,
    request: RequestPermissionRequest,
  ) => Promise<RequestPermissionResponse>;
  /** MCP servers of this client, for the agent's sessions. */
  mcpServers?: ClientMcpServers;
  /** Gives up the start of the agent, which a server that hangs would never answer. */
  signal?: AbortSignal;
  /** The connection can carry no session any more: it ended, or the agent's process did. */
  onLost?: (connection: LiveAcpConnection, exit: AgentExit | undefined) => void;
}

/** An agent's answer to resuming a session. */
export interface RecoveredSession extends Omit<NewSessionResponse, "sessionId"> {
  readonly recovery: "resumed" | "loaded";
}

/** The connection of one client to one agent process, with the sessions that are open on it. */
export class LiveAcpConnection {
  readonly connectionId: string;
  readonly agent: string;
  readonly #options: LiveAcpConnectionOptions;
  readonly #acp: AcpConnection;
  readonly #mcp: ClientMcpChannels;
  readonly #agentIdOf = new Map<string, string>();
  readonly #localIdOf = new Map<string, string>();
  /** The session of a request that is about to be sent, by its parameters; then by its id. */
  readonly #ownerOfParams = new WeakMap<object, string>();
  readonly #ownerOfRequest = new Map<RpcId, string>();
  /** Requests that open a session, by id: messages directly after the answer belong to that session. */
  readonly #opening = new Map<RpcId, string>();
  readonly #replays = new Map<string, string>();
  /** Sessions whose history the agent is replaying. */
  readonly #loading = new Set<string>();
  #initialized: Record<string, unknown> = {};
  #exit: AgentExit | undefined;
  #lost = false;

  private constructor(options: LiveAcpConnectionOptions) {
    this.#options = options;
    this.connectionId = options.serverId;
    this.agent = options.agent;
    const authorization = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
    const http = new Http(options.baseUrl, options.fetcher, {
      ...plainHeaders(options.headers),
      ...authorization,
    });
    this.#acp = new HttpAcpConnection(http, options.serverId, {
      agent: options.agent,
      orderForMs,
      onEnvelope: (envelope) => this.#observe(envelope),
      onAgentExit: (exit) => {
        this.#exit = exit;
        this.#lose();
      },
    });
    this.#mcp = new ClientMcpChannels(options.mcpServers ?? {}, this.#acp);
    void this.#acp.closed.then(() => this.#lose());
  }

  /** Starts the agent on the server and says hello to it. */
  static async create(options: LiveAcpConnectionOptions): Promise<LiveAcpConnection> {
    const connection = new LiveAcpConnection(options);
    try {
      await connection.#initialize();
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** Whether no session can go on here. */
  get lost(): boolean {
    return this.#lost;
  }

  /** Stops the agent's process. Never rejects: if the server is gone, so is the process. */
  async close(): Promise<void> {
    this.#lost = true;
    this.#mcp.close();
    await this.#acp.close().catch(() => this.#acp.detach());
  }

  /** The sessions that are open here. */
  get sessionIds(): string[] {
    return [...this.#agentIdOf.keys()];
  }

  hasBoundSession(localSessionId: string, agentSessionId?: string): boolean {
    const bound = this.#agentIdOf.get(localSessionId);
    return bound !== undefined && (agentSessionId === undefined || bound === agentSessionId);
  }

  bindSession(localSessionId: string, agentSessionId: string): void {
    const before = this.#agentIdOf.get(localSessionId);
    if (before !== undefined) this.#localIdOf.delete(before);
    this.#agentIdOf.set(localSessionId, agentSessionId);
    this.#localIdOf.set(agentSessionId, localSessionId);
  }

  /** Text that goes in front of the next prompt of the session; null takes it back. */
  queueReplay(localSessionId: string, replayText: string | null): void {
    if (replayText === null) this.#replays.delete(localSessionId);
    else this.#replays.set(localSessionId, replayText);
  }

  async createRemoteSession(
    localSessionId: string,
    sessionInit: Omit<NewSessionRequest, "_meta">,
  ): Promise<NewSessionResponse> {
    const created = readNewSession(await this.#request(localSessionId, "session/new", { ...sessionInit }));
    this.bindSession(localSessionId, created.sessionId);
    return created;
  }

  /** Resumes a session in the agent. Undefined if the agent does not support it, or no longer has the session. */
  async recoverRemoteSession(
    localSessionId: string,
    agentSessionId: string,
    sessionInit: Omit<NewSessionRequest, "_meta">,
  ): Promise<RecoveredSession | undefined> {
    const capabilities = isRecord(this.#initialized.agentCapabilities)
      ? this.#initialized.agentCapabilities
      : {};
    const session = isRecord(capabilities.sessionCapabilities) ? capabilities.sessionCapabilities : {};
    const ways: ["session/resume" | "session/load", RecoveredSession["recovery"]][] = [];
    if (session.resume) ways.push(["session/resume", "resumed"]);
    if (capabilities.loadSession === true) ways.push(["session/load", "loaded"]);
    for (const [method, recovery] of ways) {
      const params = { ...sessionInit, sessionId: agentSessionId };
      this.bindSession(localSessionId, agentSessionId);
      // A loaded session replays its history, which is already stored.
      this.#loading.add(localSessionId);
      try {
        const answer = await this.#request(localSessionId, method, params);
        return { ...readSettings(answer), recovery };
      } catch (error) {
        if (!(error instanceof AcpRpcError) || this.#lost) throw error;
      } finally {
        this.#loading.delete(localSessionId);
      }
    }
    this.#agentIdOf.delete(localSessionId);
    this.#localIdOf.delete(agentSessionId);
    return undefined;
  }

  async sendSessionMethod(
    localSessionId: string,
    method: string,
    params: Record<string, unknown>,
    options: SessionSendOptions,
  ): Promise<unknown> {
    const sessionId = this.#agentIdOf.get(localSessionId);
    const full: Record<string, unknown> = { ...params, ...(sessionId === undefined ? {} : { sessionId }) };
    const replay = this.#replays.get(localSessionId);
    if (method === "session/prompt" && replay !== undefined && Array.isArray(full.prompt)) {
      full.prompt = [{ type: "text", text: replay }, ...full.prompt];
      this.#replays.delete(localSessionId);
    }
    if (options.notification) {
      await this.#acp.notify(method, full);
      return undefined;
    }
    return await this.#request(localSessionId, method, full);
  }

  async #initialize(): Promise<void> {
    const { signal } = this.#options;
    const hello = {
      protocolVersion: 1,
      clientCapabilities: {},
      clientInfo: { name: "holdfast-sandbox-client", version },
    };
    const answer = await this.#request(undefined, "initialize", hello, signal);
    if (!isRecord(answer)) return;
    this.#initialized = answer;
    const methods = Array.isArray(answer.authMethods) ? answer.authMethods : [];
    const keyed = methods.find((method) => isRecord(method) && keyMethods.has(String(method.id)));
    if (!isRecord(keyed)) return;
    // Without a key in its environment, the agent refuses here and again when it needs one.
    const authenticated = this.#request(undefined, "authenticate", { methodId: keyed.id }, signal);
    await authenticated.catch((error: unknown) => {
      if (!(error instanceof AcpRpcError)) throw error;
    });
  }

  async #request(
    localSessionId: string | undefined,
    method: string,
    params: Record<string, unknown>,
    signal?: AbortSignal,
  ): Promise<unknown> {
    if (localSessionId !== undefined) this.#ownerOfParams.set(params, localSessionId);
    try {
      return await this.#acp.request(method, params, signal ? { signal } : {});
    } catch (error) {
      throw asRpcError(error);
    }
  }

  async #observe(envelope: Envelope): Promise<void> {
    const { message, direction } = envelope;
    const outbound = direction === "to-agent";
    if (!outbound && this.#mcp.receive(message)) return;
    const owner = outbound ? this.#ownerOfOutbound(message) : this.#ownerOfInbound(message);
    const repeated = owner !== null && this.#loading.has(owner) && message.method === "session/update";
    if (!repeated && isMessage(message)) {
      await this.#options.onObservedEnvelope(this, message, outbound ? "outbound" : "inbound", owner);
    }
    if (!outbound && message.method !== undefined && message.id !== undefined) {
      void this.#answer(message.id, message.method, message.params, owner);
    }
  }

  #ownerOfOutbound(message: RpcMessage): string | null {
    const { id, method, params } = message;
    if (method === undefined) {
      const owner = id === undefined ? undefined : this.#ownerOfRequest.get(`agent:${id}`);
      this.#ownerOfRequest.delete(`agent:${id}`);
      return owner ?? null;
    }
    if (!isRecord(params)) return null;
    const owner = this.#ownerOfParams.get(params) ?? this.#sessionOf(params);
    if (owner !== undefined && id !== undefined) {
      this.#ownerOfRequest.set(id, owner);
      if (method === "session/new") this.#opening.set(id, owner);
    }
    return owner ?? null;
  }

  #ownerOfInbound(message: RpcMessage): string | null {
    const { id, method, params } = message;
    if (method === undefined) {
      if (id === undefined) return null;
      const owner = this.#ownerOfRequest.get(id);
      this.#ownerOfRequest.delete(id);
      this.#opened(id, message.result);
      return owner ?? null;
    }
    const owner = isRecord(params) ? this.#sessionOf(params) : undefined;
    if (owner !== undefined && id !== undefined) this.#ownerOfRequest.set(`agent:${id}`, owner);
    return owner ?? null;
  }

  #opened(id: RpcId, result: unknown): void {
    const owner = this.#opening.get(id);
    this.#opening.delete(id);
    if (owner !== undefined && isRecord(result) && typeof result.sessionId === "string")
      this.bindSession(owner, result.sessionId);
  }

  #sessionOf(params: Record<string, unknown>): string | undefined {
    return typeof params.sessionId === "string" ? this.#localIdOf.get(params.sessionId) : undefined;
  }

  /** Answers requests of the agent. Files and terminals were not offered to it. */
  async #answer(id: RpcId, method: string, params: unknown, owner: string | null): Promise<void> {
    try {
      const request = method === "session/request_permission" ? readPermissionRequest(params) : undefined;
      if (request === undefined) {
        const error = { code: -32601, message: `Method not found: ${method}` };
        await this.#respond(id, { error });
        return;
      }
      const cancelled: RequestPermissionResponse = { outcome: { outcome: "cancelled" } };
      const result =
        owner === null
          ? cancelled
          : await this.#options.onPermissionRequest(this, owner, request.sessionId, request);
      await this.#respond(id, { result });
    } catch (error) {
      // The agent or its server has ended, and with it the request. The connection reports that.
      if (!isHoldfastError(error)) throw error;
    }
  }

  /** Repeats an answer until it is delivered: the agent waits for it, and the decision is made only once. */
  async #respond(id: RpcId, answer: Parameters<AcpConnection["respond"]>[1]): Promise<void> {
    const begunAt = Date.now();
    for (;;) {
      try {
        await this.#acp.respond(id, answer);
        return;
      } catch (error) {
        const overdue = Date.now() - begunAt > clientLimits.reconnectForMs;
        if (this.#lost || overdue || !isHoldfastError(error) || !mayPass(error)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, answerAgainMs));
    }
  }

  #lose(): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#mcp.close();
    this.#options.onLost?.(this, this.#exit);
  }
}

/** Converts to a public error: the agent's answer, or its exit. */
function asRpcError(error: unknown): unknown {
  if (!isHoldfastError(error) || error.group !== "acp") return error;
  const metadata = isRecord(error.metadata) ? error.metadata : {};
  if (error.code === "rpc_error" && typeof metadata.code === "number") {
    return new AcpRpcError(metadata.code, error.message, metadata.data, { cause: error });
  }
  if (error.code !== "agent_exited") return error;
  const { stderr, ...rest } = metadata;
  return new AcpRpcError(-32603, error.message, { ...rest, agentStderr: stderr }, { cause: error });
}

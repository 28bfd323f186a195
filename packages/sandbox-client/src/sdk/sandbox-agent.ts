import { HoldfastError, systemRandom, uuidv4 } from "@holdfast/core";
import { Http, plainHeaders } from "../internal/http.ts";
import { InMemorySessionPersistDriver } from "../persist/memory.ts";
import type { SandboxProvider } from "../providers/provider.ts";
import type * as acp from "./acp/acp-types.ts";
import { readConfigOptions, readConfigResponse } from "./acp/acp-values.ts";
import { PendingPermissions } from "./acp/pending-permissions.ts";
import { DesktopRoutes } from "./desktop/desktop-routes.ts";
import { AcpRpcError, UnsupportedSessionValueError } from "./errors.ts";
import { waitForHealth } from "./health-wait.ts";
import { buildInspectorUrl } from "./inspector-url.ts";
import type { ProvidedSandbox, SandboxAgentConnectOptions, SandboxAgentStartOptions } from "./options.ts";
import { RemoteSessions } from "./sessions/remote-sessions.ts";
import type { RemoteSessionPage, RemoteSessionsQuery } from "./sessions/remote-types.ts";
import { Session } from "./sessions/session.ts";
import { SessionHistory } from "./sessions/session-history.ts";
import { SessionRunner } from "./sessions/session-runner.ts";
import { optionOfCategory, optionOfId, withMode, withValue } from "./sessions/session-settings.ts";
import type * as sessions from "./sessions/sessions.ts";
import { startSandbox } from "./start.ts";
import {
  type ProcessTerminalConnectOptions,
  ProcessTerminalSession,
  type ProcessTerminalSessionOptions,
  type ProcessTerminalWebSocketUrlOptions,
} from "./terminal.ts";
import type { HealthResponse } from "./wire.ts";

const methodNotFound = -32601;

/**
 * A client of one sandbox server, with the sessions of its agents. `connect` and `start` have the
 * shapes of npm `sandbox-agent` 0.4: a program for it runs when its import is changed.
 */
export class SandboxAgent extends DesktopRoutes {
  readonly #baseUrl: string;
  readonly #token: string | undefined;
  readonly #headers: Record<string, string>;
  readonly #http: Http;
  /** The sessions that the server keeps itself; those of {@link listSessions} are this client's. */
  readonly remoteSessions: RemoteSessions = new RemoteSessions(() => this.ready());
  readonly #driver: sessions.SessionPersistDriver;
  readonly #history: SessionHistory;
  readonly #desk = new PendingPermissions();
  readonly #runner: SessionRunner;
  readonly #abort = new AbortController();
  readonly #handles = new Map<string, Session>();
  readonly #healthTimeoutMs: number | undefined;
  readonly #waits: boolean;
  #health: Promise<void> | undefined;
  #provided: ProvidedSandbox | undefined;
  #disposing: Promise<void> | undefined;

  constructor(options: SandboxAgentConnectOptions, provided?: ProvidedSandbox) {
    super();
    this.#baseUrl = (options.baseUrl ?? "http://sandbox").replace(/\/+$/, "");
    this.#token = options.token;
    this.#headers = plainHeaders(options.headers);
    // Called unbound, as a browser's own fetch has to be.
    const fetcher: typeof fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    const authorization = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
    this.#http = new Http(this.#baseUrl, fetcher, { ...this.#headers, ...authorization });
    this.#driver = options.persist ?? new InMemorySessionPersistDriver();
    this.#history = new SessionHistory(this.#driver);
    this.#provided = provided;
    this.#waits = !options.skipHealthCheck && options.waitForHealth !== false;
    const wait = typeof options.waitForHealth === "object" ? options.waitForHealth : {};
    this.#healthTimeoutMs = wait.timeoutMs;
    const { signal } = options;
    if (signal?.aborted) this.#abort.abort(signal.reason);
    // A signal of the whole program outlives this client, and would keep it in memory.
    signal?.addEventListener("abort", () => this.#abort.abort(signal.reason), {
      once: true,
      signal: this.#abort.signal,
    });
    this.#runner = new SessionRunner({
      driver: this.#driver,
      history: this.#history,
      desk: this.#desk,
      replay: { maxEvents: options.replayMaxEvents ?? 50, maxChars: options.replayMaxChars ?? 12_000 },
      connect: {
        baseUrl: this.#baseUrl,
        fetcher,
        headers: this.#headers,
        ...(options.token === undefined ? {} : { token: options.token }),
        ...(options.mcpServers === undefined ? {} : { mcpServers: options.mcpServers }),
      },
    });
  }

  /** Returns immediately: each call waits until the server is healthy. */
  static async connect(options: SandboxAgentConnectOptions): Promise<SandboxAgent> {
    return new SandboxAgent(options);
  }

  /** Makes a sandbox, or takes up the one of `sandboxId`, and resolves when its server is well. */
  static async start(options: SandboxAgentStartOptions): Promise<SandboxAgent> {
    return await startSandbox(options, async (connect, provided) => {
      const client = new SandboxAgent(connect, provided);
      try {
        await client.ready();
        return client;
      } catch (error) {
        await client.dispose();
        throw error;
      }
    });
  }

  /** `<provider>/<id>`; undefined for a client of {@link connect}. */
  get sandboxId(): string | undefined {
    return this.#provided && `${this.#provided.provider.name}/${this.#provided.rawId}`;
  }

  get sandbox(): SandboxProvider | undefined {
    return this.#provided?.provider;
  }

  /** Lists a page of the server's sessions of all clients; see {@link remoteSessions}. */
  async listRemoteSessions(query: RemoteSessionsQuery = {}): Promise<RemoteSessionPage> {
    return await this.remoteSessions.list(query);
  }

  /** Without the token: {@link buildInspectorUrl} makes a URL that has it. */
  get inspectorUrl(): string {
    return buildInspectorUrl({ baseUrl: this.#baseUrl });
  }

  /**
   * Stops the agents that this client started, and closes its connections. Waits for the server at most 10 s, or 20 s
   * if an agent was starting. Idempotent.
   */
  async dispose(): Promise<void> {
    this.#disposing ??= (async () => {
      this.#abort.abort(disposedError());
      this.#desk.cancel();
      await this.#runner.close(disposedError());
    })();
    await this.#disposing;
  }

  async destroySandbox(): Promise<void> {
    await this.#end((provider, id) => provider.destroy(id));
  }

  /** Pauses the sandbox, or destroys it if its provider cannot pause. */
  async pauseSandbox(): Promise<void> {
    await this.#end((provider, id) => provider.pause?.(id) ?? provider.destroy(id));
  }

  async killSandbox(): Promise<void> {
    await this.#end((provider, id) => provider.kill?.(id) ?? provider.destroy(id));
  }

  async listSessions(request: sessions.ListPageRequest = {}): Promise<sessions.ListPage<Session>> {
    const { items, nextCursor } = await this.#driver.listSessions(request);
    const handles = items.map((record) => this.#handle(record));
    return nextCursor === undefined ? { items: handles } : { items: handles, nextCursor };
  }

  async getSession(id: string): Promise<Session | null> {
    const record = await this.#driver.getSession(id);
    return record === undefined ? null : this.#handle(record);
  }

  async getEvents(request: sessions.ListEventsRequest): Promise<sessions.ListPage<sessions.SessionEvent>> {
    return await this.#driver.listEvents(request);
  }

  /** Opens a session. Where mode, model or thought level cannot be set, it is destroyed again. */
  async createSession(request: sessions.SessionCreateRequest): Promise<Session> {
    await this.ready();
    const id = request.id ?? uuidv4(systemRandom);
    const sessionInit = request.sessionInit ?? { cwd: request.cwd ?? this.#defaultCwd(), mcpServers: [] };
    const record = await this.#runner.open(id, request.agent, sessionInit, this.sandboxId);
    const session = this.#handle(record);
    try {
      if (request.mode !== undefined) await this.setSessionMode(id, request.mode);
      if (request.model !== undefined) await this.setSessionModel(id, request.model);
      if (request.thoughtLevel !== undefined) await this.setSessionThoughtLevel(id, request.thoughtLevel);
    } catch (error) {
      await this.destroySession(id);
      throw error;
    }
    return session;
  }

  /** Restores a session on this client, even a destroyed one; see {@link Session.recovery}. */
  async resumeSession(id: string): Promise<Session> {
    await this.ready();
    await this.#runner.attach(await this.#runner.record(id));
    const resumed = await this.#runner.change(id, (record) => {
      const { destroyedAt, ...open } = record;
      return destroyedAt === undefined ? record : open;
    });
    return this.#handle(resumed);
  }

  async resumeOrCreateSession(request: sessions.SessionResumeOrCreateRequest): Promise<Session> {
    if ((await this.#driver.getSession(request.id)) === undefined) return await this.createSession(request);
    const session = await this.resumeSession(request.id);
    if (request.mode !== undefined) await session.setMode(request.mode);
    if (request.model !== undefined) await session.setModel(request.model);
    if (request.thoughtLevel !== undefined) await session.setThoughtLevel(request.thoughtLevel);
    return session;
  }

  /** Cancels the running turn and prevents further ones. The record and its events stay. */
  async destroySession(id: string): Promise<Session> {
    await this.ready();
    await this.#runner.cancel(id);
    const destroyed = await this.#runner.change(id, (record) => ({
      ...record,
      destroyedAt: record.destroyedAt ?? Date.now(),
    }));
    return this.#handle(destroyed);
  }

  async cancelSession(id: string): Promise<void> {
    await this.ready();
    await this.#runner.cancel(id);
  }

  recoveryOf(id: string): sessions.SessionRecovery | undefined {
    return this.#runner.recoveryOf(id);
  }

  /** Uses `session/set_mode`, or the option of the category "mode" if the agent has only that. */
  async setSessionMode(
    sessionId: string,
    modeId: string,
  ): Promise<{ session: Session; response: acp.SetSessionModeResponse }> {
    await this.ready();
    const { modes } = await this.#runner.record(sessionId);
    const known = modes?.availableModes.map(({ id }) => id) ?? [];
    if (known.length > 0 && !known.includes(modeId))
      throw new UnsupportedSessionValueError(sessionId, "mode", "mode", modeId, known);
    try {
      await this.#runner.send(sessionId, "session/set_mode", { modeId }, {});
    } catch (error) {
      if (!(error instanceof AcpRpcError) || error.code !== methodNotFound) throw error;
      const set = await this.#setCategory(sessionId, "mode", modeId);
      return { session: set.session, response: {} };
    }
    const record = await this.#runner.change(sessionId, (current) => withMode(current, modeId));
    return { session: this.#handle(record), response: {} };
  }

  async setSessionConfigOption(sessionId: string, configId: string, value: string): Promise<OptionSet> {
    await this.ready();
    const options = await this.getSessionConfigOptions(sessionId);
    optionOfId(sessionId, options, configId, value);
    return await this.#setOption(sessionId, options, configId, value);
  }

  async setSessionModel(sessionId: string, model: string): Promise<OptionSet> {
    return await this.#setCategory(sessionId, "model", model);
  }

  async setSessionThoughtLevel(sessionId: string, thoughtLevel: string): Promise<OptionSet> {
    return await this.#setCategory(sessionId, "thought_level", thoughtLevel);
  }

  /** As reported by the agent, else from the server's table of agents. */
  async getSessionConfigOptions(sessionId: string): Promise<acp.SessionConfigOption[]> {
    const record = await this.#runner.record(sessionId);
    if (record.configOptions !== undefined) return structuredClone(record.configOptions);
    const { configOptions } = await this.getAgent(record.agent, { config: true });
    const options = readConfigOptions(configOptions) ?? [];
    await this.#runner.change(sessionId, (current) => ({ configOptions: options, ...current }));
    return structuredClone(options);
  }

  async getSessionModes(sessionId: string): Promise<acp.SessionModeState | null> {
    return structuredClone((await this.#runner.record(sessionId)).modes ?? null);
  }

  /** Any method of ACP; `session/cancel` only by {@link cancelSession} or {@link destroySession}. */
  async rawSendSessionMethod(
    sessionId: string,
    method: string,
    params: Record<string, unknown>,
    options: sessions.SessionSendOptions = {},
  ): Promise<{ session: Session; response: unknown }> {
    if (method === "session/cancel") {
      throw new HoldfastError(
        "sandbox",
        "cancel_not_raw",
        "session/cancel is not sent by hand: call session.cancel(), or destroySession()",
        { statusCode: 400 },
      );
    }
    await this.ready();
    const response = await this.#runner.send(sessionId, method, params, options);
    return { session: this.#handle(await this.#runner.record(sessionId)), response };
  }

  onSessionEvent(sessionId: string, listener: sessions.SessionEventListener): () => void {
    return this.#history.onEvent(sessionId, listener);
  }

  onPermissionRequest(sessionId: string, listener: sessions.PermissionRequestListener): () => void {
    return this.#desk.onRequest(sessionId, listener);
  }

  async respondPermission(permissionId: string, reply: sessions.PermissionReply): Promise<void> {
    this.#desk.reply(permissionId, reply);
  }

  async rawRespondPermission(permissionId: string, response: acp.RequestPermissionResponse): Promise<void> {
    this.#desk.respond(permissionId, response);
  }

  /** Asks once, without waiting until the server is well. */
  async getHealth(): Promise<HealthResponse> {
    return await this.#askHealth(undefined);
  }

  buildProcessTerminalWebSocketUrl(id: string, options: ProcessTerminalWebSocketUrlOptions = {}): string {
    const path = `/v1/processes/${encodeURIComponent(id)}/terminal/ws`;
    const url = this.webSocketUrl(path, options.accessToken);
    if (options.offset !== undefined) url.searchParams.set("offset", String(options.offset));
    return url.toString();
  }

  connectProcessTerminalWebSocket(id: string, options: ProcessTerminalConnectOptions = {}): WebSocket {
    const Socket = options.WebSocket ?? globalThis.WebSocket;
    return new Socket(this.buildProcessTerminalWebSocketUrl(id, options), options.protocols);
  }

  connectProcessTerminal(id: string, options: ProcessTerminalSessionOptions = {}): ProcessTerminalSession {
    return new ProcessTerminalSession(this.connectProcessTerminalWebSocket(id, options));
  }

  protected override webSocketUrl(path: string, accessToken: string | undefined): URL {
    const url = new URL(this.#baseUrl + path);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const token = accessToken ?? this.#token;
    if (token !== undefined) url.searchParams.set("access_token", token);
    return url;
  }

  protected override async ready(): Promise<Http> {
    if (this.#disposing) throw disposedError();
    if (this.#waits) {
      this.#health ??= this.#awaitHealth().catch((error: unknown) => {
        // A wait that was given up says nothing of the server that the next call finds.
        this.#health = undefined;
        throw error;
      });
      await this.#health;
    }
    return this.#http;
  }

  async #awaitHealth(): Promise<void> {
    const { provider, rawId } = this.#provided ?? {};
    const ensureServer = provider?.ensureServer?.bind(provider);
    await waitForHealth({
      check: async (signal) => void (await this.#askHealth(signal)),
      signal: this.#abort.signal,
      ...(ensureServer === undefined || rawId === undefined
        ? {}
        : { ensureServer: () => ensureServer(rawId) }),
      ...(this.#healthTimeoutMs === undefined ? {} : { timeoutMs: this.#healthTimeoutMs }),
    });
  }

  async #askHealth(signal: AbortSignal | undefined): Promise<HealthResponse> {
    // The body is a status and nothing that is acted on.
    return (await this.#http.json({ method: "GET", path: "/v1/health", signal })) as HealthResponse;
  }

  async #end(how: (provider: SandboxProvider, rawId: string) => Promise<void>): Promise<void> {
    const provided = this.#provided;
    if (provided === undefined) {
      const why = "it was made by connect(), not by start(), or has ended its sandbox already";
      const message = `This client has no sandbox of its own: ${why}`;
      throw new HoldfastError("sandbox", "no_sandbox", message, { statusCode: 400 });
    }
    await this.dispose();
    await how(provided.provider, provided.rawId);
    this.#provided = undefined;
  }

  #defaultCwd(): string {
    const fromProvider = this.#provided?.provider.defaultCwd;
    // A browser has no process and no working directory.
    return fromProvider ?? globalThis.process?.cwd?.() ?? "/";
  }

  async #setCategory(sessionId: string, category: string, value: string): Promise<OptionSet> {
    await this.ready();
    const options = await this.getSessionConfigOptions(sessionId);
    const { id } = optionOfCategory(sessionId, options, category, value);
    return await this.#setOption(sessionId, options, id, value, category);
  }

  async #setOption(
    sessionId: string,
    options: acp.SessionConfigOption[],
    configId: string,
    value: string,
    category?: string,
  ): Promise<OptionSet> {
    let answer: unknown;
    try {
      answer = await this.#runner.send(sessionId, "session/set_config_option", { configId, value }, {});
    } catch (error) {
      // Older agents have a method for the model alone.
      const older = category === "model" && error instanceof AcpRpcError && error.code === methodNotFound;
      if (!older) throw error;
      await this.#runner.send(sessionId, "session/set_model", { modelId: value }, {});
    }
    const response = readConfigResponse(answer) ?? { configOptions: withValue(options, configId, value) };
    const { configOptions } = response;
    const kept = await this.#runner.change(sessionId, (record) => ({ ...record, configOptions }));
    return { session: this.#handle(kept), response };
  }

  /** The one object of a session on this client, up to date. */
  #handle(record: sessions.SessionRecord): Session {
    const known = this.#handles.get(record.id);
    if (known) {
      known.apply(record);
      return known;
    }
    const session = new Session(this, structuredClone(record));
    this.#handles.set(record.id, session);
    return session;
  }
}

export interface OptionSet {
  session: Session;
  response: acp.SetSessionConfigOptionResponse;
}

function disposedError(): HoldfastError {
  return new HoldfastError("sandbox", "client_disposed", "This client was disposed of", { statusCode: 503 });
}

import { HoldfastError, systemRandom, uuidv4 } from "@holdfast/core";
import { isUnsent } from "../../internal/errors.ts";
import { clientLimits } from "../../limits.ts";
import type { AcpEnvelopeDirection, AnyMessage, NewSessionRequest } from "../acp/acp-types.ts";
import { LiveAcpConnection, type LiveAcpConnectionOptions } from "../acp/live-connection.ts";
import type { PendingPermissions } from "../acp/pending-permissions.ts";
import type { ReplayLimits, SessionHistory } from "./session-history.ts";
import { afterEvent } from "./session-settings.ts";
import type { SessionPersistDriver, SessionRecord, SessionRecovery, SessionSendOptions } from "./sessions.ts";

export interface SessionRunnerOptions {
  readonly driver: SessionPersistDriver;
  readonly history: SessionHistory;
  readonly desk: PendingPermissions;
  readonly replay: ReplayLimits;
  readonly connect: Pick<
    LiveAcpConnectionOptions,
    "baseUrl" | "fetcher" | "headers" | "token" | "mcpServers"
  >;
}

/** Runs sessions on connections to agents: one connection for each agent, made when it is needed. */
export class SessionRunner {
  readonly #options: SessionRunnerOptions;
  readonly #connections = new Map<string, Promise<LiveAcpConnection>>();
  readonly #attaching = new Map<string, Promise<SessionRecord>>();
  readonly #recoveries = new Map<string, SessionRecovery>();
  /** Messages of a session on their way to its connection, which keeps the order from there on. */
  readonly #departing = new Map<string, Set<Promise<unknown>>>();
  /** Changes of a record, one after the other. */
  readonly #changes = new Map<string, Promise<unknown>>();
  /** Error of storing an agent's event; the next call of the session throws it. */
  readonly #failures = new Map<string, unknown>();
  readonly #closing = new Set<Promise<void>>();
  readonly #starts = new AbortController();
  #closed = false;

  constructor(options: SessionRunnerOptions) {
    this.#options = options;
  }

  recoveryOf(sessionId: string): SessionRecovery | undefined {
    return this.#recoveries.get(sessionId);
  }

  /** Throws `sandbox.unknown_session`. */
  async record(sessionId: string): Promise<SessionRecord> {
    const record = await this.#options.driver.getSession(sessionId);
    if (record !== undefined) return record;
    throw new HoldfastError("sandbox", "unknown_session", `No session has the id "${sessionId}"`, {
      statusCode: 404,
    });
  }

  /** Changes the record of a session after earlier changes, so that concurrent changes are not lost. */
  async change(sessionId: string, change: (record: SessionRecord) => SessionRecord): Promise<SessionRecord> {
    return await this.#inTurn(sessionId, async () => {
      const record = await this.record(sessionId);
      const changed = change(record);
      return changed === record ? record : await this.#keep(changed);
    });
  }

  async #keep(record: SessionRecord): Promise<SessionRecord> {
    await this.#options.driver.updateSession(record);
    return record;
  }

  async #inTurn<T>(sessionId: string, work: () => Promise<T>): Promise<T> {
    const done = (this.#changes.get(sessionId) ?? Promise.resolve()).then(work);
    const settled: Promise<void> = done
      .then(
        () => {},
        () => {},
      )
      .finally(() => {
        if (this.#changes.get(sessionId) === settled) this.#changes.delete(sessionId);
      });
    this.#changes.set(sessionId, settled);
    return await done;
  }

  async open(
    id: string,
    agent: string,
    sessionInit: Omit<NewSessionRequest, "_meta">,
    sandboxId: string | undefined,
  ): Promise<SessionRecord> {
    const connection = await this.#connection(agent);
    // Messages directly after the answer change the record created from it.
    return await this.#inTurn(id, async () => {
      const created = await connection.createRemoteSession(id, sessionInit);
      return await this.#keep({
        id,
        agent,
        agentSessionId: created.sessionId,
        lastConnectionId: connection.connectionId,
        createdAt: Date.now(),
        sessionInit,
        ...(sandboxId === undefined ? {} : { sandboxId }),
        ...(created.configOptions == null ? {} : { configOptions: created.configOptions }),
        ...(created.modes === undefined ? {} : { modes: created.modes }),
      });
    });
  }

  /** The session on a live connection, restored if necessary. */
  async attach(record: SessionRecord): Promise<SessionRecord> {
    const attaching = this.#attaching.get(record.id);
    if (attaching) return await attaching;
    const attached = this.#attach(record).finally(() => this.#attaching.delete(record.id));
    this.#attaching.set(record.id, attached);
    return await attached;
  }

  async #attach(record: SessionRecord): Promise<SessionRecord> {
    const connection = await this.#connection(record.agent);
    const { id, agentSessionId } = record;
    const sessionInit = record.sessionInit ?? { cwd: "/", mcpServers: [] };
    // Not stored again: the record may have changed or been destroyed since it was read.
    if (connection.hasBoundSession(id, agentSessionId)) return record;
    const recovered = await connection.recoverRemoteSession(id, agentSessionId, sessionInit);
    const text =
      recovered === undefined
        ? await this.#options.history.replayText(record, this.#options.replay)
        : undefined;
    const opened = recovered ?? (await connection.createRemoteSession(id, sessionInit));
    const recovery = recovered?.recovery ?? "replayed";
    connection.queueReplay(id, text ?? null);
    this.#recoveries.set(id, recovery);
    return await this.change(id, (current) => ({
      ...current,
      agentSessionId: "sessionId" in opened ? opened.sessionId : agentSessionId,
      lastConnectionId: connection.connectionId,
      ...(opened.configOptions == null ? {} : { configOptions: opened.configOptions }),
      ...(opened.modes == null ? {} : { modes: opened.modes }),
    }));
  }

  async send(
    sessionId: string,
    method: string,
    params: Record<string, unknown>,
    options: SessionSendOptions,
  ): Promise<unknown> {
    try {
      return await this.#send(sessionId, method, params, options);
    } catch (error) {
      // The server stopped the agent before the message was sent: the session is restored on another connection.
      if (!isUnsent(error) || this.#closed) throw error;
      return await this.#send(sessionId, method, params, options);
    }
  }

  async #send(
    sessionId: string,
    method: string,
    params: Record<string, unknown>,
    options: SessionSendOptions,
  ): Promise<unknown> {
    const { answer } = await this.#depart(sessionId, async () => {
      const connection = await this.#connectionOf(sessionId);
      return { answer: connection.sendSessionMethod(sessionId, method, params, options) };
    });
    try {
      return await answer;
    } finally {
      await this.#changes.get(sessionId);
      this.#tellFailure(sessionId);
    }
  }

  /** The connection that a session is on, or comes back on. */
  async #connectionOf(sessionId: string): Promise<LiveAcpConnection> {
    const record = await this.record(sessionId);
    if (record.destroyedAt !== undefined) {
      const message = `Session "${sessionId}" was destroyed; resumeSession() opens it again`;
      throw new HoldfastError("sandbox", "session_destroyed", message, { statusCode: 409 });
    }
    await this.attach(record);
    return await this.#connection(record.agent);
  }

  async #depart<T>(sessionId: string, handOver: () => Promise<T>): Promise<T> {
    const others = this.#departing.get(sessionId) ?? new Set();
    const departed = handOver();
    this.#departing.set(sessionId, others.add(departed));
    try {
      return await departed;
    } finally {
      others.delete(departed);
      if (others.size === 0) this.#departing.delete(sessionId);
    }
  }

  /** Cancels the turn of a session and its pending permissions. Does nothing if no turn is running. */
  async cancel(sessionId: string): Promise<void> {
    // The cancel is meant for the previous prompt and must not overtake it.
    const departing = [...(this.#departing.get(sessionId) ?? [])];
    this.#options.desk.cancel(sessionId);
    await Promise.allSettled(departing);
    const { agent, agentSessionId } = await this.record(sessionId);
    const connection = await this.#connections.get(agent)?.catch(() => undefined);
    if (connection === undefined || connection.lost) return;
    if (!connection.hasBoundSession(sessionId, agentSessionId)) return;
    try {
      await connection.sendSessionMethod(sessionId, "session/cancel", {}, { notification: true });
    } catch (error) {
      // With the agent its turn has ended, too.
      if (!isUnsent(error)) throw error;
    }
  }

  /** Ends all agents. Starts that a server leaves unanswered fail with `reason`. */
  async close(reason: Error): Promise<void> {
    this.#closed = true;
    const connections = [...this.#connections.values()];
    this.#connections.clear();
    // Waits for a starting agent, because only a running one can be stopped.
    const timer = setTimeout(() => this.#starts.abort(reason), clientLimits.closeMs);
    await Promise.all(
      connections.map(async (connecting) => {
        // A failed start has nothing to close; its caller gets the error.
        const connection = await connecting.catch(() => undefined);
        await connection?.close();
      }),
    );
    clearTimeout(timer);
    await Promise.all(this.#closing);
  }

  #connection(agent: string): Promise<LiveAcpConnection> {
    const known = this.#connections.get(agent);
    if (known) return known;
    const made = LiveAcpConnection.create({
      ...this.#options.connect,
      agent,
      signal: this.#starts.signal,
      serverId: `sdk-${agent}-${uuidv4(systemRandom)}`,
      onObservedEnvelope: (connection, envelope, direction, sessionId) =>
        this.#observe(connection, envelope, direction, sessionId),
      onPermissionRequest: (_connection, local, agentSessionId, request) =>
        this.#options.desk.ask(local, agentSessionId, request),
      onLost: (connection) => {
        // The answers have no consumer any more.
        for (const id of connection.sessionIds) this.#options.desk.cancel(id);
        this.#drop(agent, made, connection);
      },
    });
    this.#connections.set(agent, made);
    made.then(
      (connection) => {
        if (this.#closed) this.#drop(agent, made, connection);
      },
      () => this.#forget(agent, made),
    );
    return made;
  }

  /** Sessions of a connection that is lost come back on the next one. */
  #drop(agent: string, made: Promise<LiveAcpConnection>, connection: LiveAcpConnection): void {
    this.#forget(agent, made);
    const closing: Promise<void> = connection.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  #forget(agent: string, made: Promise<LiveAcpConnection>): void {
    if (this.#connections.get(agent) === made) this.#connections.delete(agent);
  }

  async #observe(
    connection: LiveAcpConnection,
    envelope: AnyMessage,
    direction: AcpEnvelopeDirection,
    sessionId: string | null,
  ): Promise<void> {
    if (sessionId === null) return;
    const sender = direction === "outbound" ? "client" : "agent";
    const { history } = this.#options;
    if (sender === "client" && "method" in envelope) {
      // A message that could not be stored is not sent, except answers that the agent waits for.
      await history.record(sessionId, connection.connectionId, sender, envelope);
      return;
    }
    try {
      await history.record(sessionId, connection.connectionId, sender, envelope);
      this.#change(sessionId, envelope);
    } catch (error) {
      this.#failures.set(sessionId, error);
    }
  }

  #change(sessionId: string, envelope: AnyMessage): void {
    if (!("method" in envelope) || envelope.method !== "session/update") return;
    const changed = this.#inTurn(sessionId, async () => {
      const record = await this.#options.driver.getSession(sessionId);
      if (record === undefined) return;
      const next = afterEvent(record, envelope);
      if (next !== record) await this.#keep(next);
    });
    changed.catch((error: unknown) => void this.#failures.set(sessionId, error));
  }

  #tellFailure(sessionId: string): void {
    if (!this.#failures.has(sessionId)) return;
    const cause = this.#failures.get(sessionId);
    this.#failures.delete(sessionId);
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `An event of session "${sessionId}" could not be stored: ${why}`;
    throw new HoldfastError("sandbox", "persist_failed", message, { statusCode: 500, cause });
  }
}

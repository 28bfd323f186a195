/** Durable agent sessions: registry, routes, schemas. */
import { randomBytes } from "node:crypto";
import { type Logger, uuidv7 } from "@holdfast/core";
import type { AcpInstances } from "../acp/instances.ts";
import { problem } from "../http/problem.ts";
import { settlesWithin } from "../internal/with-timeout.ts";
import type { SandboxLimits } from "../limits.ts";
import { type SessionAdopter, SessionObserver } from "./agent/observer.ts";
import { currentSettings, type Settings } from "./agent/settings.ts";
import { AgentBindings, ownServerId } from "./agent-bindings.ts";
import { Session, type SessionContext } from "./session.ts";
import { type SessionPosition, SessionStore } from "./store/store.ts";
import type { PermissionPolicy } from "./turns/policy.ts";
import type { LogEntry, PermissionView, SessionFilter, SessionRecord, SessionView } from "./types.ts";
import { type SessionWatcher, SessionWatchers } from "./viewers/watchers.ts";

export interface SessionsOptions {
  readonly instances: AcpInstances;
  readonly limits: SandboxLimits;
  readonly logger: Logger;
  readonly dataDirectory?: string;
  readonly policy?: PermissionPolicy;
}

/** A validated request for a new session. Only the agent can check the rest. */
export interface SessionSeed {
  readonly id?: string;
  readonly agent: string;
  readonly cwd: string;
  readonly title?: string;
  readonly mcpServers: readonly unknown[];
  readonly permissionTimeoutMs?: number;
  readonly settings: Settings;
}

export interface ForkSeed {
  readonly cwd?: string;
  readonly title?: string;
  readonly sequence?: number;
  /** The session that provides settings and rules; the parent by default. */
  readonly like?: SessionRecord;
}

/** A session whose agent starts with its first prompt. A parent here is only a link: its log is not inherited. */
export type DraftSeed = Pick<SessionRecord, "agent" | "cwd" | "mcpServers"> &
  Partial<
    Pick<SessionRecord, "id" | "title" | "mode" | "model" | "parentId" | "parentSequence" | "permissionRules">
  >;

const pageSize = 200;

/** How long close() waits for sessions that are being opened or deleted, after the agents have exited. */
const closeTimeoutMs = 1_000;

/** Registry of all stored sessions. Sessions in use are loaded into memory. */
export class Sessions implements SessionAdopter {
  readonly store: SessionStore;
  readonly #options: SessionsOptions;
  readonly #context: SessionContext;
  readonly #open = new Map<string, Session>();
  readonly #watchers = new SessionWatchers();
  /** Operations that may still delete a session and need an open store. */
  readonly #unfinished = new Set<Promise<unknown>>();
  #isClosing = false;

  /** Throws `sandbox.data_directory_in_use` and `sandbox.log_too_new`. */
  constructor(options: SessionsOptions) {
    const { instances, limits, logger, policy, dataDirectory } = options;
    this.#options = options;
    this.store = new SessionStore(dataDirectory, limits.maxMemoryLogBytes);
    const bindings = new AgentBindings<Session>();
    instances.observeWith(new SessionObserver(bindings, this));
    this.#context = {
      store: this.store,
      instances,
      bindings,
      limits,
      logger,
      policy,
      changed: (session) => this.#watchers.notify("updated", session),
      isClosing: () => this.#isClosing,
      history: (record) => this.#history(record),
    };
  }

  /** Settles the open turns and permissions of an earlier server process, and runs its accepted prompts. */
  start(): void {
    for (const id of this.store.unsettledSessions()) this.get(id).prompts.pump();
  }

  list(filter: SessionFilter): SessionView[] {
    return this.store
      .sessions()
      .filter(({ record }) => matchesRecord(record, filter))
      .map((stored) => this.#session(stored).view())
      .filter(({ status }) => filter.status === null || status === filter.status);
  }

  /** One page of {@link list}; `next` is the cursor of the following page, absent on the last one. */
  page(
    filter: SessionFilter,
    after: SessionPosition | undefined,
    limit: number,
  ): { readonly sessions: SessionView[]; readonly next?: SessionPosition } {
    const sessions: SessionView[] = [];
    for (let position = after; ; ) {
      const page = this.store.sessionsAfter(position, pageSize);
      for (const stored of page) {
        if (sessions.length === limit && position) return { sessions, next: position };
        position = { createdAt: stored.record.createdAt, key: stored.key };
        if (!matchesRecord(stored.record, filter)) continue;
        const view = this.#session(stored).view();
        if (filter.status === null || view.status === filter.status) sessions.push(view);
      }
      if (page.length < pageSize) return { sessions };
    }
  }

  /** Throws `session_not_found`. */
  get(id: string): Session {
    const session = this.find(id);
    if (session) return session;
    throw problem("session_not_found", 404, `there is no session "${id}"`, { sessionId: id });
  }

  find(id: string): Session | undefined {
    const stored = this.#open.get(id) ? undefined : this.store.session(id);
    return this.#open.get(id) ?? (stored && this.#session(stored));
  }

  /** Notifies `watcher` of changes of all sessions and of new log entries. Returns a function that removes it. */
  watch(watcher: SessionWatcher): () => void {
    return this.#watchers.add(watcher);
  }

  /** Creates a session whose agent starts with its first prompt. */
  draft(seed: DraftSeed): Session {
    return this.#insert({ ...seed, id: seed.id ?? newId(), origin: "session" });
  }

  /** Creates a session and opens it in an agent. If that fails, the session is removed. */
  async create(seed: SessionSeed): Promise<Session> {
    const { settings, id, ...rest } = seed;
    const session = this.#insert({ ...rest, id: id ?? newId(), origin: "session" });
    await this.#track(this.#discardOnFailure(session, () => session.open(settings)));
    return session;
  }

  /** Opens a session with the history of `parent` up to `sequence`, and with its settings and rules. */
  async fork(
    parent: Session,
    seed: ForkSeed,
  ): Promise<{ readonly session: Session; readonly fork: "forked" | "replayed" }> {
    const { record } = parent;
    const { agent, mcpServers, permissionTimeoutMs, agentSessionId, needsTranscript } = record;
    const like = seed.like ?? record;
    const { permissionRules } = like;
    const parentSequence = seed.sequence ?? parent.log.lastSequence;
    const title = seed.title ?? record.title;
    const session = this.#insert({
      id: newId(),
      origin: "session",
      agent,
      mcpServers,
      cwd: seed.cwd ?? record.cwd,
      parentId: parent.id,
      parentSequence,
      ...(title === undefined ? {} : { title }),
      ...(permissionTimeoutMs === undefined ? {} : { permissionTimeoutMs }),
      ...(permissionRules === undefined ? {} : { permissionRules }),
    });
    const whole = parentSequence === parent.log.lastSequence && !needsTranscript;
    const opening = this.#discardOnFailure(session, async () => {
      session.log.notice("forked", { parentId: parent.id, parentSequence });
      const opened = await session.openFork(currentSettings(like), whole ? agentSessionId : undefined);
      if (opened === "new") session.update({ needsTranscript: true });
      return opened === "forked" ? "forked" : "replayed";
    });
    return { session, fork: await this.#track(opening) };
  }

  /** Deletes a session; an unknown id is not an error. */
  async delete(id: string): Promise<void> {
    const session = this.find(id);
    if (session) await this.#end(session);
  }

  /** Waits for a running deletion of the session with this id. */
  async afterDeletion(id: string): Promise<void> {
    if (this.#open.get(id)?.isBeingDeleted) await this.delete(id);
  }

  permissions(state: string | undefined): PermissionView[] {
    return this.store.permissions(undefined, state);
  }

  /** Starts no more prompts. Turns that end from now on count as interrupted by the server. */
  stopPrompts(): void {
    this.#isClosing = true;
  }

  /** Ends all viewers, which reconnect to the next server, and closes the store. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await settlesWithin(Promise.allSettled(this.#unfinished), closeTimeoutMs);
    for (const session of this.#open.values()) session.endListeners.notify("closing");
    this.store.close();
  }

  adopt(seed: Pick<SessionRecord, "agent" | "cwd" | "mcpServers">): Session {
    return this.#insert({ ...seed, id: newId(), origin: "acp" });
  }

  findByAgent(agent: string, agentSessionId: string): Session | undefined {
    const stored = this.store.sessionOfAgent(agent, agentSessionId);
    return stored && this.#session(stored);
  }

  discard(session: Session): void {
    void this.#end(session);
  }

  #insert(record: Omit<SessionRecord, "createdAt" | "updatedAt">): Session {
    const now = Date.now();
    const session = this.#session(this.store.insertSession({ ...record, createdAt: now, updatedAt: now }));
    this.#watchers.notify("created", session);
    return session;
  }

  #session(stored: { readonly key: number; readonly record: SessionRecord }): Session {
    const known = this.#open.get(stored.record.id);
    if (known) return known;
    const session = new Session(this.#context, stored);
    this.#open.set(session.id, session);
    session.log.listen((entry) => this.#watchers.entry(session, entry));
    return session;
  }

  async #discardOnFailure<T>(session: Session, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      // The session was deleted during the wait, and its id may belong to another one.
      if (this.#open.get(session.id) !== session) throw error;
      await this.#options.instances.delete(ownServerId(session.id));
      await session.delete();
      this.#remove(session);
      throw error;
    }
  }

  #end(session: Session): Promise<void> {
    return this.#track(session.delete().then(() => this.#remove(session)));
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#unfinished.add(work);
    const forget = () => this.#unfinished.delete(work);
    work.then(forget, forget);
    return work;
  }

  #remove(session: Session): void {
    // A concurrent deletion was faster, and the id may belong to another session.
    if (this.#open.get(session.id) !== session) return;
    this.#open.delete(session.id);
    const stored = this.store.session(session.id);
    if (!stored) return;
    this.store.deleteSession(stored.key);
    this.#watchers.notify("deleted", session);
  }

  *#history(record: SessionRecord): Generator<LogEntry> {
    const session = this.find(record.id);
    if (session) yield* session.log.backwards(session.log.lastSequence);
    let child = record;
    while (child.parentId !== undefined && child.parentSequence !== 0) {
      const parent = this.find(child.parentId);
      if (!parent) return;
      yield* parent.log.backwards(child.parentSequence ?? 0);
      child = parent.record;
    }
  }
}

/** True if the stored state of a session meets the filter, apart from the status, which is not stored. */
function matchesRecord(record: SessionRecord, { agent, archived }: SessionFilter): boolean {
  if (agent !== null && record.agent !== agent) return false;
  return archived === null || (record.archivedAt !== undefined) === archived;
}

function newId(): string {
  return uuidv7({ now: () => Date.now() }, { bytes: (length) => randomBytes(length) });
}

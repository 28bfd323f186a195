import { randomBytes } from "node:crypto";
import { type Exchange, sendJson } from "../../http/exchange.ts";
import { invalid, isRecord } from "../../http/problem.ts";
import type { Handler } from "../../http/router.ts";
import type { Session } from "../../sessions/session.ts";
import type { ForkSeed } from "../../sessions/sessions.ts";
import type { SessionRecord } from "../../sessions/types.ts";
import { newSessionId, wireSessionId } from "../ids.ts";
import type { RouteContext, RouteTable } from "../route-context.ts";
import type { SessionRegistry } from "../session-registry.ts";
import { wireSession } from "../transcript/session-shape.ts";
import { notFound } from "./errors.ts";
import { optionalText, readCount, readDirectory, readModel, readObject, readRules } from "./input.ts";

const maxSessions = 10_000;

/** `/opencode/session`: this server's sessions in OpenCode's format. */
export class OpenCodeSessionRoutes {
  readonly #registry: SessionRegistry;
  readonly #context: RouteContext;

  constructor(registry: SessionRegistry, context: RouteContext) {
    this.#registry = registry;
    this.#context = context;
  }

  routes(): RouteTable {
    const one = "/opencode/session/:sessionID";
    return {
      "/opencode/session": {
        GET: (exchange) => this.#list(exchange),
        POST: (exchange) => this.#create(exchange),
      },
      "/opencode/session/status": { GET: (exchange) => this.#status(exchange) },
      [one]: {
        GET: (exchange) => sendJson(exchange.response, wireSession(this.#session(exchange).record)),
        PATCH: (exchange) => this.#update(exchange),
        DELETE: (exchange) => this.#delete(exchange),
      },
      [`${one}/abort`]: { POST: (exchange) => this.#abort(exchange) },
      [`${one}/fork`]: { POST: (exchange) => this.#fork(exchange) },
      [`${one}/children`]: { GET: (exchange) => this.#children(exchange) },
      [`${one}/todo`]: { GET: this.#respondWith((session) => this.#registry.hub.transcript(session).todos) },
      [`${one}/diff`]: { GET: (exchange) => this.#diff(exchange) },
    };
  }

  #session({ params }: Exchange): Session {
    return this.#registry.get(params.sessionID ?? "");
  }

  #respondWith(read: (session: Session) => unknown): Handler {
    return (exchange) => sendJson(exchange.response, read(this.#session(exchange)));
  }

  #recentRecords(): SessionRecord[] {
    return this.#registry.sessions.store
      .sessions()
      .map(({ record }) => record)
      .sort((a, b) => b.updatedAt - a.updatedAt);
  }

  async #list(exchange: Exchange): Promise<void> {
    const { query, response } = exchange;
    // Only the query parameter filters. The header is merely the client's own directory.
    const directory = query.get("directory") || undefined;
    const resolved = directory === undefined ? undefined : await this.#context.resolveDirectory(directory);
    const start = readCount(exchange, "start", Number.MAX_SAFE_INTEGER) ?? 0;
    const limit = readCount(exchange, "limit", maxSessions) ?? maxSessions;
    const search = query.get("search")?.toLowerCase();
    const sessions = this.#recentRecords()
      .filter((record) => resolved === undefined || record.cwd === resolved)
      .filter((record) => record.updatedAt >= start)
      .filter((record) => record.archivedAt === undefined || query.get("archived") === "true")
      .filter((record) => query.get("roots") !== "true" || record.parentId === undefined)
      .map(wireSession)
      .filter((session) => search === undefined || session.title.toLowerCase().includes(search));
    sendJson(response, sessions.slice(0, limit));
  }

  async #create(exchange: Exchange): Promise<void> {
    const fields = await readObject(exchange, this.#context.maxJsonBytes);
    const title = optionalText(fields, "title")?.slice(0, 200);
    const parentId = optionalText(fields, "parentID");
    const parent = parentId === undefined ? undefined : this.#registry.get(parentId);
    const permissionRules = readRules(fields.permission) ?? this.#context.config.rules;
    const target = {
      model: readModel(fields) ?? this.#context.config.model,
      agent: optionalText(fields, "agent"),
    };
    const session = await this.#registry.draft(
      {
        id: newSessionId(Date.now(), randomBytes(7).toString("hex")),
        cwd: await this.#context.resolveCwd(readDirectory(exchange)),
        ...(title === undefined || title === "" ? {} : { title }),
        ...(parent ? { parentId: parent.id, parentSequence: 0 } : {}),
        ...(permissionRules ? { permissionRules } : {}),
      },
      target,
    );
    await this.#registry.flush();
    sendJson(exchange.response, wireSession(session.record));
  }

  /** Includes idle sessions, which the peer's clients expect and OpenCode's own server leaves out. */
  #status({ response }: Exchange): void {
    const all = this.#registry.sessions.list({ agent: null, status: null, archived: null });
    const statuses = all.map(({ id, status, queuedPrompts }) => {
      const isBusy = status === "running" || status === "waiting" || status === "starting";
      return [wireSessionId(id), { type: isBusy || queuedPrompts > 0 ? "busy" : "idle" }] as const;
    });
    sendJson(response, Object.fromEntries(statuses));
  }

  async #update(exchange: Exchange): Promise<void> {
    const session = this.#session(exchange);
    const fields = await readObject(exchange, this.#context.maxJsonBytes);
    const title = optionalText(fields, "title")?.slice(0, 200);
    const permissionRules = readRules(fields.permission);
    const archived = isRecord(fields.time) ? fields.time.archived : undefined;
    if (archived !== undefined && !Number.isSafeInteger(archived)) {
      throw invalid("time.archived must be an integer");
    }
    session.update({
      ...(title === undefined || title === "" ? {} : { title }),
      ...(permissionRules ? { permissionRules } : {}),
      ...(typeof archived === "number" ? { archivedAt: archived } : {}),
    });
    await this.#registry.flush();
    sendJson(exchange.response, wireSession(session.record));
  }

  async #delete(exchange: Exchange): Promise<void> {
    await this.#registry.sessions.delete(this.#session(exchange).id);
    await this.#registry.flush();
    sendJson(exchange.response, true);
  }

  async #abort(exchange: Exchange): Promise<void> {
    await this.#session(exchange).cancel();
    await this.#registry.flush();
    sendJson(exchange.response, true);
  }

  /** Forks a session up to a message, exclusive; without a message it copies everything. */
  async #fork(exchange: Exchange): Promise<void> {
    const parent = this.#session(exchange);
    const fields = await readObject(exchange, this.#context.maxJsonBytes);
    const messageId = optionalText(fields, "messageID");
    const title = `${wireSession(parent.record).title} (fork)`.slice(0, 200);
    if (messageId === undefined) {
      await this.#sendFork(exchange, parent, { title });
      return;
    }
    const location = this.#registry.hub.locateMessage(parent, messageId);
    if (!location) throw notFound("message", messageId);
    const seed = { title, cwd: parent.record.cwd, sequence: location.sequence - 1, like: parent.record };
    await this.#sendFork(exchange, location.session, seed);
  }

  async #sendFork(exchange: Exchange, parent: Session, seed: ForkSeed): Promise<void> {
    const { session } = await this.#registry.sessions.fork(parent, seed);
    await this.#registry.flush();
    sendJson(exchange.response, wireSession(session.record));
  }

  #children(exchange: Exchange): void {
    const { id } = this.#session(exchange);
    const children = this.#recentRecords().filter((record) => record.parentId === id);
    sendJson(exchange.response, children.map(wireSession));
  }

  #diff(exchange: Exchange): void {
    const transcript = this.#registry.hub.transcript(this.#session(exchange));
    const messageId = exchange.query.get("messageID");
    sendJson(exchange.response, messageId ? transcript.diffsOf(messageId) : transcript.diffs);
  }
}

import { randomBytes } from "node:crypto";
import { type Exchange, sendJson } from "../../http/exchange.ts";
import { invalid, isRecord } from "../../http/problem.ts";
import type { Handler } from "../../http/router.ts";
import type { Session } from "../../sessions/session.ts";
import type { ForkSeed } from "../../sessions/sessions.ts";
import type { SessionRecord } from "../../sessions/types.ts";
import { newSessionId, wireSessionId } from "../ids.ts";
import type { SessionRegistry } from "../session-registry.ts";
import type { RouteTable, Shared } from "../shared.ts";
import { wireSession } from "../transcript/session-shape.ts";
import { notThere } from "./errors.ts";
import { countOf, directoryOf, optionalText, readFields, readModel, readRules } from "./input.ts";

const maxListed = 10_000;

/** `/opencode/session`: sessions of this server as those of an OpenCode server. */
export class OpenCodeSessionRoutes {
  readonly #desk: SessionRegistry;
  readonly #shared: Shared;

  constructor(desk: SessionRegistry, shared: Shared) {
    this.#desk = desk;
    this.#shared = shared;
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
        PATCH: (exchange) => this.#change(exchange),
        DELETE: (exchange) => this.#delete(exchange),
      },
      [`${one}/abort`]: { POST: (exchange) => this.#abort(exchange) },
      [`${one}/fork`]: { POST: (exchange) => this.#fork(exchange) },
      [`${one}/children`]: { GET: (exchange) => this.#children(exchange) },
      [`${one}/todo`]: { GET: this.#told((session) => this.#desk.hub.transcript(session).todos) },
      [`${one}/diff`]: { GET: (exchange) => this.#diff(exchange) },
    };
  }

  #session({ params }: Exchange): Session {
    return this.#desk.get(params.sessionID ?? "");
  }

  #told(what: (session: Session) => unknown): Handler {
    return (exchange) => sendJson(exchange.response, what(this.#session(exchange)));
  }

  #records(): SessionRecord[] {
    return this.#desk.sessions.store
      .sessions()
      .map(({ record }) => record)
      .sort((a, b) => b.updatedAt - a.updatedAt);
  }

  async #list(exchange: Exchange): Promise<void> {
    const { query, response } = exchange;
    // The header is the client's own place; only who names a directory asks for what is in it.
    const directory = query.get("directory") || undefined;
    const place = directory === undefined ? undefined : await this.#shared.placeOf(directory);
    const start = countOf(exchange, "start", Number.MAX_SAFE_INTEGER) ?? 0;
    const limit = countOf(exchange, "limit", maxListed) ?? maxListed;
    const search = query.get("search")?.toLowerCase();
    const sessions = this.#records()
      .filter((record) => place === undefined || record.cwd === place)
      .filter((record) => record.updatedAt >= start)
      .filter((record) => record.archivedAt === undefined || query.get("archived") === "true")
      .filter((record) => query.get("roots") !== "true" || record.parentId === undefined)
      .map(wireSession)
      .filter((session) => search === undefined || session.title.toLowerCase().includes(search));
    sendJson(response, sessions.slice(0, limit));
  }

  async #create(exchange: Exchange): Promise<void> {
    const fields = await readFields(exchange, this.#shared.maxJsonBytes);
    const title = optionalText(fields, "title")?.slice(0, 200);
    const parentId = optionalText(fields, "parentID");
    const parent = parentId === undefined ? undefined : this.#desk.get(parentId);
    const permissionRules = readRules(fields.permission) ?? this.#shared.config.rules;
    const wanted = {
      model: readModel(fields) ?? this.#shared.config.model,
      agent: optionalText(fields, "agent"),
    };
    const session = await this.#desk.draft(
      {
        id: newSessionId(Date.now(), randomBytes(7).toString("hex")),
        cwd: await this.#shared.cwdOf(directoryOf(exchange)),
        ...(title === undefined || title === "" ? {} : { title }),
        ...(parent ? { parentId: parent.id, parentSequence: 0 } : {}),
        ...(permissionRules ? { permissionRules } : {}),
      },
      wanted,
    );
    await this.#desk.kept();
    sendJson(exchange.response, wireSession(session.record));
  }

  /** OpenCode's own server leaves idle ones out; clients of the peer look for them. */
  #status({ response }: Exchange): void {
    const told = this.#desk.sessions.list(null, null).map(({ id, status, queuedPrompts }) => {
      const works = status === "running" || status === "waiting" || status === "starting";
      return [wireSessionId(id), { type: works || queuedPrompts > 0 ? "busy" : "idle" }] as const;
    });
    sendJson(response, Object.fromEntries(told));
  }

  async #change(exchange: Exchange): Promise<void> {
    const session = this.#session(exchange);
    const fields = await readFields(exchange, this.#shared.maxJsonBytes);
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
    await this.#desk.kept();
    sendJson(exchange.response, wireSession(session.record));
  }

  async #delete(exchange: Exchange): Promise<void> {
    await this.#desk.sessions.delete(this.#session(exchange).id);
    await this.#desk.kept();
    sendJson(exchange.response, true);
  }

  async #abort(exchange: Exchange): Promise<void> {
    await this.#session(exchange).cancel();
    await this.#desk.kept();
    sendJson(exchange.response, true);
  }

  /** A fork up to a message, which itself is not part of it any more; without one it is of everything. */
  async #fork(exchange: Exchange): Promise<void> {
    const parent = this.#session(exchange);
    const fields = await readFields(exchange, this.#shared.maxJsonBytes);
    const messageId = optionalText(fields, "messageID");
    const title = `${wireSession(parent.record).title} (fork)`.slice(0, 200);
    if (messageId === undefined) {
      await this.#sendFork(exchange, parent, { title });
      return;
    }
    const place = this.#desk.hub.placeOf(parent, messageId);
    if (!place) throw notThere("message", messageId);
    const seed = { title, cwd: parent.record.cwd, sequence: place.sequence - 1, like: parent.record };
    await this.#sendFork(exchange, place.session, seed);
  }

  async #sendFork(exchange: Exchange, of: Session, seed: ForkSeed): Promise<void> {
    const { session } = await this.#desk.sessions.fork(of, seed);
    await this.#desk.kept();
    sendJson(exchange.response, wireSession(session.record));
  }

  #children(exchange: Exchange): void {
    const { id } = this.#session(exchange);
    const children = this.#records().filter((record) => record.parentId === id);
    sendJson(exchange.response, children.map(wireSession));
  }

  #diff(exchange: Exchange): void {
    const transcript = this.#desk.hub.transcript(this.#session(exchange));
    const messageId = exchange.query.get("messageID");
    sendJson(exchange.response, messageId ? transcript.diffsOf(messageId) : transcript.diffs);
  }
}

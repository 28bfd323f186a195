import {
  accepts,
  booleanQuery,
  type Exchange,
  parseJson,
  readText,
  requireJsonContent,
  sendEmpty,
  sendJson,
  sendJsonText,
} from "../http/exchange.ts";
import { Heartbeat } from "../http/heartbeat.ts";
import { invalid, problem } from "../http/problem.ts";
import type { Route } from "../http/router.ts";
import type { SocketExchange } from "../http/sockets.ts";
import type { SandboxLimits } from "../limits.ts";
import {
  type CreateInput,
  readAnswer,
  readCancel,
  readCreate,
  readFork,
  readPatch,
  readPrompt,
} from "./input.ts";
import type { Session } from "./session.ts";
import type { Sessions } from "./sessions.ts";
import type { SessionPosition } from "./store/store.ts";
import { entryText } from "./types.ts";
import { EventStreamConnection, Viewer, WebSocketConnection } from "./viewers/viewer.ts";

export interface SessionRoutesOptions {
  readonly sessions: Sessions;
  readonly limits: SandboxLimits;
  /** Resolves a caller's working directory, or the default, to an absolute path. Throws if it is not allowed. */
  readonly resolveCwd: (cwd: string | undefined) => Promise<string>;
}

const defaultPage = 200;
const maxPage = 1_000;
/** Maximum number of buffered bytes before a client that does not read is disconnected. */
const maxUnreadBytes = 1_048_576;
const states = new Set(["pending", "answered", "expired", "cancelled"]);

/** Routes `/v1/sessions` and `/v1/permissions`. */
export class SessionRoutes {
  readonly #sessions: Sessions;
  readonly #limits: SandboxLimits;
  readonly #resolveCwd: SessionRoutesOptions["resolveCwd"];

  constructor(options: SessionRoutesOptions) {
    this.#sessions = options.sessions;
    this.#limits = options.limits;
    this.#resolveCwd = options.resolveCwd;
  }

  routes(): readonly Route[] {
    const session = "/v1/sessions/:id";
    return [
      {
        path: "/v1/sessions",
        methods: { GET: (exchange) => this.#list(exchange), POST: (exchange) => this.#create(exchange) },
      },
      {
        path: session,
        methods: {
          GET: (exchange) => sendJson(exchange.response, this.#session(exchange).view()),
          PATCH: (exchange) => this.#patch(exchange),
          DELETE: (exchange) => this.#delete(exchange),
        },
      },
      { path: `${session}/close`, methods: { POST: (exchange) => this.#close(exchange) } },
      { path: `${session}/resume`, methods: { POST: (exchange) => this.#resume(exchange) } },
      { path: `${session}/fork`, methods: { POST: (exchange) => this.#fork(exchange) } },
      { path: `${session}/prompt`, methods: { POST: (exchange) => this.#prompt(exchange) } },
      { path: `${session}/prompts`, methods: { GET: (exchange) => this.#prompts(exchange) } },
      { path: `${session}/prompts/:promptId`, methods: { GET: (exchange) => this.#onePrompt(exchange) } },
      { path: `${session}/cancel`, methods: { POST: (exchange) => this.#cancel(exchange) } },
      { path: `${session}/permissions`, methods: { GET: (exchange) => this.#permissions(exchange) } },
      {
        path: `${session}/permissions/:permissionId`,
        methods: { POST: (exchange) => this.#answer(exchange) },
      },
      {
        path: `${session}/events`,
        methods: { GET: (exchange) => this.#events(exchange) },
        socket: (exchange) => this.#watch(exchange),
        socketRefusal: "close",
      },
      { path: "/v1/permissions", methods: { GET: (exchange) => this.#allPermissions(exchange) } },
    ];
  }

  #session(exchange: Pick<Exchange, "params">): Session {
    return this.#sessions.get(exchange.params.id ?? "");
  }

  /** Lists all sessions, unless the request asks for pages. */
  #list(exchange: Exchange): void {
    const { query, response } = exchange;
    if (wantsStream(exchange)) return this.#streamChanges(exchange);
    const { durable } = this.#sessions.store;
    const archived = query.has("archived") ? booleanQuery(exchange, "archived") : null;
    const filter = { agent: query.get("agent"), status: query.get("status"), archived };
    const cursor = query.get("cursor");
    if (cursor === null && !query.has("limit")) {
      sendJson(response, { sessions: this.#sessions.list(filter), durable });
      return;
    }
    const after = cursor === null ? undefined : parseCursor(cursor);
    const { sessions, next } = this.#sessions.page(filter, after, pageLimit(query));
    sendJson(response, { sessions, durable, ...(next ? { nextCursor: formatCursor(next) } : {}) });
  }

  /** Streams the ids of created, updated and deleted sessions, so that clients need not poll the list. */
  #streamChanges({ request, response, signal }: Exchange): void {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    response.flushHeaders();
    if (request.method === "HEAD") {
      response.end();
      return;
    }
    const send = (text: string) => {
      // Disconnect a client that does not read. It reads the list again after it reconnects.
      if (response.writableLength > maxUnreadBytes) response.destroy();
      else response.write(text);
    };
    const heartbeat = setInterval(() => send(": heartbeat\n\n"), this.#limits.heartbeatMs);
    const unwatch = this.#sessions.watch({
      changed: (change, { id }) => send(`event: ${change}\ndata: ${JSON.stringify({ id })}\n\n`),
      entry: () => {},
    });
    const end = () => {
      clearInterval(heartbeat);
      unwatch();
      response.end();
    };
    response.on("close", end);
    signal.addEventListener("abort", end, { once: true });
    // Tells the client to read the list now, because all later changes are events.
    send("event: ready\ndata: {}\n\n");
  }

  async #create(exchange: Exchange): Promise<void> {
    const input = readCreate(await this.#body(exchange));
    if (input.id !== undefined) await this.#sessions.afterDeletion(input.id);
    if (this.#sendExisting(exchange, input)) return;
    const cwd = await this.#resolveCwd(input.cwd);
    // The same request may have been sent twice concurrently.
    if (this.#sendExisting(exchange, input)) return;
    const session = await this.#sessions.create({ ...input, cwd });
    await this.#sessions.store.synced();
    sendJson(exchange.response, session.view(), 201);
  }

  /** Responds with the existing session of this id. Returns false if there is none. */
  #sendExisting(exchange: Exchange, { id, agent }: CreateInput): boolean {
    const known = id === undefined ? undefined : this.#sessions.find(id);
    if (!known) return false;
    known.assertNotDeleted();
    if (known.record.agent !== agent) {
      throw problem("conflict", 409, `session "${known.id}" has another agent`, { sessionId: known.id });
    }
    sendJson(exchange.response, known.view());
    return true;
  }

  async #patch(exchange: Exchange): Promise<void> {
    const session = this.#session(exchange);
    const { settings, title, archived } = readPatch(await this.#body(exchange));
    await session.configure(settings, title);
    if (archived !== undefined) session.archive(archived);
    await this.#sessions.store.synced();
    sendJson(exchange.response, session.view());
  }

  async #delete(exchange: Exchange): Promise<void> {
    await this.#sessions.delete(exchange.params.id ?? "");
    await this.#sessions.store.synced();
    sendEmpty(exchange.response, 204);
  }

  async #close(exchange: Exchange): Promise<void> {
    const session = this.#session(exchange);
    await session.close();
    await this.#sessions.store.synced();
    sendJson(exchange.response, session.view());
  }

  async #resume(exchange: Exchange): Promise<void> {
    const session = this.#session(exchange);
    const recovery = (await session.attach()) ?? null;
    await this.#sessions.store.synced();
    sendJson(exchange.response, { session: session.view(), recovery });
  }

  async #fork(exchange: Exchange): Promise<void> {
    const parent = this.#session(exchange);
    const input = readFork(await this.#optionalBody(exchange));
    if ((input.sequence ?? 0) > parent.log.lastSequence) {
      throw invalid(`the session's log ends at ${parent.log.lastSequence}`);
    }
    const cwd = input.cwd === undefined ? undefined : await this.#resolveCwd(input.cwd);
    const { session, fork } = await this.#sessions.fork(parent, {
      ...input,
      ...(cwd === undefined ? {} : { cwd }),
    });
    await this.#sessions.store.synced();
    sendJson(exchange.response, { session: session.view(), fork }, 201);
  }

  async #prompt(exchange: Exchange): Promise<void> {
    const session = this.#session(exchange);
    const wait = booleanQuery(exchange, "wait");
    const { id, content } = readPrompt(await this.#body(exchange));
    const accepted = session.prompts.accept(id, content);
    const { response } = exchange;
    if (!wait) {
      await this.#sessions.store.synced();
      sendJson(response, accepted, 202);
      return;
    }
    const heart = new Heartbeat(response, this.#limits.heartbeatMs);
    heart.startSoon();
    const settled = await session.prompts.waitUntilSettled(accepted.id);
    await this.#sessions.store.synced();
    heart.end(JSON.stringify(settled));
  }

  #prompts(exchange: Exchange): void {
    sendJson(exchange.response, { prompts: this.#session(exchange).prompts.list() });
  }

  #onePrompt(exchange: Exchange): void {
    sendJson(exchange.response, this.#session(exchange).prompts.get(exchange.params.promptId ?? ""));
  }

  async #cancel(exchange: Exchange): Promise<void> {
    const session = this.#session(exchange);
    const promptId = readCancel(await this.#optionalBody(exchange));
    const cancelled = await session.cancel(promptId);
    await this.#sessions.store.synced();
    sendJson(exchange.response, cancelled);
  }

  #permissions(exchange: Exchange): void {
    const session = this.#session(exchange);
    sendJson(exchange.response, { permissions: session.permissions.list(parseState(exchange)) });
  }

  #allPermissions(exchange: Exchange): void {
    sendJson(exchange.response, { permissions: this.#sessions.permissions(parseState(exchange)) });
  }

  async #answer(exchange: Exchange): Promise<void> {
    const session = this.#session(exchange);
    const answer = readAnswer(await this.#body(exchange));
    const answered = await session.permissions.answer(exchange.params.permissionId ?? "", answer);
    await this.#sessions.store.synced();
    sendJson(exchange.response, answered);
  }

  async #events(exchange: Exchange): Promise<void> {
    const session = this.#session(exchange);
    const { request, response } = exchange;
    if (wantsStream(exchange)) {
      const after = parseSequence(exchange.query, request.headers["last-event-id"]);
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
      response.flushHeaders();
      if (request.method === "HEAD") response.end();
      else
        new Viewer(
          session,
          new EventStreamConnection(response, this.#limits.heartbeatMs),
          after,
          this.#limits,
        ).start();
      return;
    }
    if (!accepts(exchange, "application/json")) {
      throw problem(
        "not_acceptable",
        406,
        "the Accept header must allow application/json or text/event-stream",
      );
    }
    const after = parseSequence(exchange.query, undefined);
    await this.#sessions.store.synced();
    const entries = session.log.read(after, pageLimit(exchange.query));
    const { lastSequence } = session.log;
    const first = entries[0]?.sequence ?? Math.max(lastSequence, after) + 1;
    const gap = first > after + 1 ? `,"gap":${JSON.stringify({ from: after + 1, to: first - 1 })}` : "";
    const events = entries.map((entry) => entryText(session.id, entry)).join(",");
    sendJsonText(response, `{"events":[${events}],"lastSequence":${lastSequence}${gap}}`);
  }

  async #watch(exchange: SocketExchange): Promise<void> {
    const session = this.#session(exchange);
    const after = parseSequence(exchange.query, undefined);
    const socket = await exchange.accept();
    new Viewer(
      session,
      new WebSocketConnection(socket, this.#limits.heartbeatMs),
      after,
      this.#limits,
    ).start();
  }

  async #body(exchange: Exchange): Promise<unknown> {
    requireJsonContent(exchange);
    return parseJson(await readText(exchange, this.#limits.maxJsonBytes));
  }

  async #optionalBody(exchange: Exchange): Promise<unknown> {
    const text = await readText(exchange, this.#limits.maxJsonBytes);
    if (text === "") return undefined;
    requireJsonContent(exchange);
    return parseJson(text);
  }
}

/** JSON is the default. A stream must be requested explicitly. */
function wantsStream(exchange: Exchange): boolean {
  return (
    /\btext\/event-stream\b/i.test(exchange.request.headers.accept ?? "") &&
    accepts(exchange, "text/event-stream")
  );
}

function parseSequence(query: URLSearchParams, lastEventId: string | string[] | undefined): number {
  // A client that has received no id yet may send an empty header.
  const text = String(lastEventId || (query.get("after") ?? "0"));
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw invalid("after, and Last-Event-ID, must be a non-negative integer");
}

function pageLimit(query: URLSearchParams): number {
  const text = query.get("limit") ?? String(defaultPage);
  const limit = Number(text);
  if (/^\d{1,6}$/.test(text) && limit >= 1 && limit <= maxPage) return limit;
  throw invalid(`limit must be 1 to ${maxPage}`);
}

/** Cursor of a page: the position of the last session on it, opaque to clients. */
function formatCursor({ createdAt, key }: SessionPosition): string {
  return Buffer.from(`1.${createdAt}.${key}`).toString("base64url");
}

function parseCursor(cursor: string): SessionPosition {
  const match = /^1\.(\d{1,15})\.(\d{1,15})$/.exec(Buffer.from(cursor, "base64url").toString("latin1"));
  if (match) return { createdAt: Number(match[1]), key: Number(match[2]) };
  throw invalid("cursor must be the nextCursor of a page before");
}

function parseState({ query }: Exchange): string | undefined {
  const state = query.get("state");
  if (state === null) return undefined;
  if (states.has(state)) return state;
  throw invalid(`state must be one of ${[...states].join(", ")}`);
}

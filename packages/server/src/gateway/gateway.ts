/** HTTP routes to actors: access, authentication, origins, actions, events, queues. */
import { type AuthIntent, Cancellation } from "@holdfast/actors";
import { type ActorTarget, contentType, decodeParams, encode, encodeOutput, header } from "@holdfast/client";
import { HoldfastError, isErrorCode, limits } from "@holdfast/core";
import { RepeatableExchange } from "../cluster/forwarding/repeatable-exchange.ts";
import type { Directory } from "../directory/directory.ts";
import { RunningCall } from "../directory/running-calls.ts";
import { ManagementHttp } from "../management/http.ts";
import { tracing } from "../observe/tracing.ts";
import { cancelled, checkIdempotencyKey, outgoingTooLong } from "../sessions/session-errors.ts";
import { accessInfo } from "./access-info.ts";
import { authenticate } from "./auth.ts";
import { corsHeaders, preflight } from "./cors.ts";
import { serveEvents } from "./event-stream.ts";
import { type FixedRoute, fixedRoutes } from "./fixed-routes.ts";
import { Guard } from "./guard.ts";
import {
  type Exchange,
  paramsOf,
  replyEncoding,
  replyError,
  requestEncoding,
  requestHead,
  visibleError,
} from "./http/exchange.ts";
import { argsOf, bodyOf } from "./http/request-body.ts";
import type { AccessInfo, GatewayOptions } from "./options.ts";
import { serveSend } from "./queues.ts";
import { serveRaw } from "./raw-http.ts";
import { RivetDoor } from "./rivet/door.ts";
import { actorsPrefix, localPath, parseRoute, type Route, routeNotFound } from "./route.ts";
import type { RouteHost } from "./route-host.ts";
import { StreamedReply } from "./streamed-reply.ts";

const banner = "This is a Holdfast server: actors are below /actors/.\n";
const noHeaders: Readonly<Record<string, string>> = {};

/** Answers HTTP requests for actors, independent of sockets. See docs/reference/wire.md. */
export class Gateway implements RouteHost {
  readonly directory: Directory;
  readonly options: GatewayOptions;
  readonly guard: Guard;
  readonly maxIncomingBytes: number;
  readonly maxOutgoingBytes: number;
  readonly #fixed: ReadonlyMap<string, FixedRoute>;
  readonly management: ManagementHttp;
  /** Undefined where clients of `rivetkit` are not served. */
  readonly rivet: RivetDoor | undefined;

  constructor(directory: Directory, options: GatewayOptions) {
    this.directory = directory;
    this.options = options;
    this.guard = new Guard(options);
    this.#fixed = fixedRoutes(
      options,
      () => directory.isReady,
      () => directory.store.outages?.() ?? [],
    );
    this.management = new ManagementHttp(directory, options, (...failed) => this.fail(...failed));
    this.rivet = options.rivetClients === true ? new RivetDoor(this) : undefined;
    this.maxIncomingBytes = directory.messageLimits.maxIncomingBytes;
    this.maxOutgoingBytes = directory.messageLimits.maxOutgoingBytes;
  }

  /** Answers the request, or returns false if its path is not the gateway's. */
  handle(exchange: Exchange): boolean {
    const origin = exchange.header("origin");
    const host = exchange.header("host");
    let headers = noHeaders;
    try {
      this.guard.check(host, origin);
      const url = localPath(exchange.url, this.options.basePath);
      if (origin !== undefined && this.guard.isCrossOrigin(host, origin)) {
        const credentials = this.options.credentials === true || this.rivet?.sendsCredentials(url) === true;
        headers = corsHeaders(origin, credentials && this.guard.trusts(host, origin));
      }
      if (url?.startsWith(actorsPrefix)) {
        this.#route(exchange, this.routeOf(url), headers);
        return true;
      }
      if (url === undefined) return false;
      if (this.rivet?.handle(exchange, url, headers) === true) return true;
      const fixed = this.#fixed.get(pathOf(url));
      const isOwn = fixed !== undefined || this.management.owns(url);
      if (isOwn && exchange.method === "OPTIONS") preflight(exchange, false, headers);
      else if (fixed !== undefined) this.#answerFixed(exchange, fixed, headers);
      else return this.management.handle(exchange, url, headers);
    } catch (error) {
      this.fail(exchange, error, headers);
    }
    return true;
  }

  /** Answers a request whose URL, with the mount path, is below `/actors/`. */
  serve(exchange: Exchange, headers: Readonly<Record<string, string>>): void {
    try {
      this.#route(exchange, this.routeOf(localPath(exchange.url, this.options.basePath) ?? "/"), headers);
    } catch (error) {
      this.fail(exchange, error, headers);
    }
  }

  /** Answers unknown paths; the root gets a line of text for people who check whether the server runs. */
  unclaimed(exchange: Exchange): void {
    const isRoot = pathOf(localPath(exchange.url, this.options.basePath) ?? "") === "/";
    if (!isRoot || (exchange.method !== "GET" && exchange.method !== "HEAD")) {
      return this.fail(exchange, routeNotFound());
    }
    exchange.reply(200, { "content-type": "text/plain; charset=utf-8" }, banner);
  }

  fail(exchange: Exchange, error: unknown, headers: Readonly<Record<string, string>> = noHeaders): void {
    if (isErrorCode(error, "actor", "moved") && this.#sendsBack(exchange, headers)) return;
    // Nothing ran, and another node takes over what this one leaves behind.
    const isEnding = exchange.forwarded !== undefined && isErrorCode(error, "gateway", "shutting_down");
    if (isEnding && this.#sendsBack(exchange, headers)) return;
    replyError(exchange, visibleError(error, this.directory.ports), headers);
  }

  /** The `onAuth` hook of a kind of actor; calls of actors are not checked. */
  authHook(name: string): ((...args: unknown[]) => unknown) | undefined {
    return this.options.isInternal === true ? undefined : this.directory.authHook(name);
  }

  /** Runs the access hook; calls `next` synchronously if there is none or it returns synchronously. */
  admit(info: AccessInfo, next: (until?: AbortSignal) => void, refuse: (error: unknown) => void): void {
    const asked = this.options.access?.(info);
    if (asked instanceof Promise) asked.then((until) => next(until ?? undefined)).catch(refuse);
    else next(asked ?? undefined);
  }

  #answerFixed(exchange: Exchange, route: FixedRoute, headers: Readonly<Record<string, string>>): void {
    if (exchange.method !== "GET" && exchange.method !== "HEAD") return notAllowed(exchange, "GET", headers);
    Promise.resolve(route.body()).then(
      (body) =>
        exchange.reply(route.status?.() ?? 200, { ...headers, "content-type": route.contentType }, body),
      (error: unknown) => this.fail(exchange, error, headers),
    );
  }

  /** Finds the node that serves the actor. */
  #route(exchange: Exchange, route: Route, headers: Readonly<Record<string, string>>): void {
    const { cluster } = this.directory;
    const target = "target" in route ? route.target : undefined;
    const isManaged = route.kind === "management" || (route.kind === "actor" && exchange.method === "DELETE");
    if (target !== undefined && !isManaged && exchange.method !== "OPTIONS") {
      this.admitTo(target, exchange.header(header.token));
    }
    if (cluster === undefined || target === undefined || exchange.method === "OPTIONS") {
      return this.#actors(exchange, route, headers);
    }
    const refuse = (error: unknown): void => this.fail(exchange, error, headers);
    const { forwarded } = exchange;
    if (forwarded !== undefined) {
      const here = (isHere: boolean): void => {
        if (isHere) this.#serve(exchange, route, headers);
        else forwarded.misdirect(cluster.revision);
      };
      const accepted = cluster.accepts(target, forwarded.revision);
      if (accepted instanceof Promise) return void accepted.then(here).catch(refuse);
      return here(accepted);
    }
    const repeatable = new RepeatableExchange(exchange);
    if (cluster.isHere(target)) return this.#serve(repeatable, route, headers);
    cluster.forward(repeatable, target, route.kind === "request").then((isForwarded) => {
      if (!isForwarded) this.#serve(repeatable, route, headers);
    }, refuse);
  }

  #serve(exchange: Exchange, route: Route, headers: Readonly<Record<string, string>>): void {
    try {
      this.#actors(exchange, route, headers);
    } catch (error) {
      this.fail(exchange, error, headers);
    }
  }

  /** Nothing ran here, because another node serves the actor by now: finds that, if the request can be repeated. */
  #sendsBack(exchange: Exchange, headers: Readonly<Record<string, string>>): boolean {
    const { cluster } = this.directory;
    if (cluster === undefined) return false;
    const { forwarded } = exchange;
    if (forwarded !== undefined) {
      if (forwarded.isRepeatable) forwarded.misdirect(cluster.revision);
      return forwarded.isRepeatable;
    }
    if (!(exchange instanceof RepeatableExchange) || !exchange.isRepeatable) return false;
    const url = localPath(exchange.url, this.options.basePath);
    if (url === undefined) return false;
    this.#route(exchange, this.routeOf(url), headers);
    return true;
  }

  /** The route of a path below /actors/, with the stored name of its actor. Throws as `parseRoute`. */
  routeOf(url: string): Route {
    return this.directory.namespaces.locate(parseRoute(url));
  }

  #info(kind: AccessInfo["kind"], exchange: Exchange, target: ActorTarget, action?: string): AccessInfo {
    return accessInfo(this.directory.namespaces, kind, exchange, target, action);
  }

  /** Checks the token of the namespace. Throws `namespace.unauthorized`. */
  admitTo(target: ActorTarget, token: string | undefined): void {
    const { namespaces } = this.directory;
    if (!namespaces.areMany || this.options.isInternal === true) return;
    namespaces.admit(namespaces.of(target.name), token);
  }

  #actors(exchange: Exchange, route: Route, headers: Readonly<Record<string, string>>): void {
    if (exchange.method === "OPTIONS") return preflight(exchange, route.kind === "request", headers);
    const refuse = (error: unknown): void => this.fail(exchange, error, headers);
    switch (route.kind) {
      case "action": {
        if (exchange.method !== "POST") return notAllowed(exchange, "POST", headers);
        const { target, action } = route;
        // The hot path: most servers have no hook.
        if (this.options.access === undefined) return this.#action(exchange, target, action, headers);
        const next = (): void => this.#action(exchange, target, action, headers);
        return this.admit(this.#info("action", exchange, target, action), next, refuse);
      }
      case "queue": {
        if (exchange.method !== "POST") return notAllowed(exchange, "POST", headers);
        const next = (): void => serveSend(this, exchange, route, headers);
        return this.admit(this.#info("send", exchange, route.target, route.queue), next, refuse);
      }
      case "call": {
        if (exchange.method !== "DELETE") return notAllowed(exchange, "DELETE", headers);
        const next = (): void => this.#cancel(exchange, route.target, route.idempotencyKey, headers);
        return this.admit(this.#info("cancel", exchange, route.target), next, refuse);
      }
      case "events": {
        if (exchange.method !== "GET") return notAllowed(exchange, "GET", headers);
        const next = (until?: AbortSignal): void => serveEvents(this, exchange, route, headers, until);
        return this.admit(this.#info("connect", exchange, route.target), next, refuse);
      }
      case "management":
        return this.management.serve(exchange, route, headers);
      case "connect":
        if (exchange.method !== "GET") return notAllowed(exchange, "GET", headers);
        throw upgradeRequired();
      case "request": {
        const next = (): void => serveRaw(this, exchange, route, headers);
        return this.admit(this.#info("request", exchange, route.target), next, refuse);
      }
      case "websocket":
        throw upgradeRequired();
      case "reload": {
        if (exchange.method !== "PUT") return notAllowed(exchange, "PUT", headers);
        const { target } = route;
        const next = (): void => this.#reload(exchange, target, headers, refuse);
        const ask = (): void => this.#authenticateLookUp(exchange, ["action"], target, next, headers);
        return this.admit(this.#info("reload", exchange, target), ask, refuse);
      }
      case "actor":
        return this.#actor(exchange, route.target, headers, refuse);
    }
  }

  #reload(
    exchange: Exchange,
    target: ActorTarget,
    headers: Readonly<Record<string, string>>,
    refuse: (error: unknown) => void,
  ): void {
    this.directory.reload(target).then(() => exchange.reply(204, headers, undefined), refuse);
  }

  #actor(
    exchange: Exchange,
    target: ActorTarget,
    headers: Readonly<Record<string, string>>,
    refuse: (error: unknown) => void,
  ): void {
    const send = (status: number, body: unknown): void => {
      const encoding = replyEncoding(exchange);
      exchange.reply(status, { ...headers, "content-type": contentType[encoding] }, encode(encoding, body));
    };
    if (exchange.method === "GET") {
      const next = (): void => {
        this.directory.resolve(asGet(target)).then(({ id, key }) => {
          send(200, { id, name: this.directory.namespaces.bare(target.name), key });
        }, refuse);
      };
      const ask = (): void => this.#authenticateLookUp(exchange, ["get"], target, next, headers);
      return this.admit(this.#info("resolve", exchange, target), ask, refuse);
    }
    if (exchange.method === "DELETE") return this.management.destroy(exchange, target, headers);
    if ((exchange.method !== "PUT" && exchange.method !== "POST") || target.type === "id") {
      return notAllowed(exchange, target.type === "id" ? "GET, DELETE" : "GET, PUT, POST, DELETE", headers);
    }
    const { name, key, place } = target;
    const idempotencyKey = exchange.header(header.idempotencyKey);
    if (idempotencyKey !== undefined) checkIdempotencyKey(idempotencyKey);
    const shown = this.directory.namespaces.bare(name);
    const next = (): void =>
      this.#readInput(exchange, refuse, (input) => {
        if (exchange.method === "POST") {
          this.directory.create(name, key, input, idempotencyKey, place).then((id) => {
            send(201, { id, name: shown, key });
          }, refuse);
          return;
        }
        const made = {
          ...({ type: "getOrCreate", name, key } as const),
          ...(input === undefined ? {} : { input }),
          ...(place === undefined ? {} : { place }),
        };
        this.directory.resolve(made).then(({ id }) => send(200, { id, name: shown, key }), refuse);
      });
    const ask = (): void => this.#authenticateLookUp(exchange, ["create"], target, next, headers);
    return this.admit(this.#info("create", exchange, target), ask, refuse);
  }

  #readInput(exchange: Exchange, refuse: (error: unknown) => void, next: (input: unknown) => void): void {
    const encoding = requestEncoding(exchange);
    // CBOR overhead around the input: a map with one entry.
    exchange.readBody(limits.maxInputBytes + 16, (error, body) => {
      try {
        if (error !== undefined) throw error;
        next(bodyOf(exchange, encoding, body)["input"]);
      } catch (cause) {
        refuse(cause);
      }
    });
  }

  #action(
    exchange: Exchange,
    target: ActorTarget,
    action: string,
    headers: Readonly<Record<string, string>>,
  ): void {
    const encoding = requestEncoding(exchange);
    const idempotencyKey = exchange.header(header.idempotencyKey);
    if (idempotencyKey !== undefined) checkIdempotencyKey(idempotencyKey);
    const encodedParams = exchange.header(header.params);
    const params = encodedParams === undefined ? undefined : decodeParams(encoding ?? "json", encodedParams);
    const request = requestHead(exchange);
    const next = (auth: unknown): void =>
      exchange.readBody(this.maxIncomingBytes, (error, body) => {
        try {
          if (error !== undefined) throw error;
          const args = argsOf(bodyOf(exchange, encoding, body));
          const leave = this.#admit(body.length);
          const call = { action, args, params, auth, request, idempotencyKey, leave };
          this.#call(exchange, target, call, headers);
        } catch (cause) {
          this.fail(exchange, cause, headers);
        }
      });
    this.#authenticate(exchange, ["action"], target, params, request, next, headers);
  }

  /** Admits a call with a body of this size; returns what ends it. Throws `server.busy`. */
  #admit(bytes: number): () => void {
    // Another node has admitted the call of which this one is a part.
    return this.options.isInternal === true ? () => undefined : this.directory.admission.enter(bytes);
  }

  #authenticate(
    exchange: Exchange,
    intents: readonly AuthIntent[],
    target: ActorTarget,
    params: unknown,
    request: () => Request,
    next: (auth: unknown) => void,
    headers: Readonly<Record<string, string>>,
  ): void {
    authenticate(this, { intents, target, params, request }, next, (error) =>
      this.fail(exchange, error, headers),
    );
  }

  /** For requests that open no connection, and whose body does not carry parameters. */
  #authenticateLookUp(
    exchange: Exchange,
    intents: readonly AuthIntent[],
    target: ActorTarget,
    next: () => void,
    headers: Readonly<Record<string, string>>,
  ): void {
    const params = paramsOf(exchange);
    this.#authenticate(exchange, intents, target, params, requestHead(exchange), next, headers);
  }

  #call(
    exchange: Exchange,
    target: ActorTarget,
    call: {
      readonly action: string;
      readonly args: readonly unknown[];
      readonly params: unknown;
      readonly auth: unknown;
      readonly request: () => Request;
      readonly idempotencyKey: string | undefined;
      readonly leave: () => void;
    },
    headers: Readonly<Record<string, string>>,
  ): void {
    const { action, args, params, auth, request, idempotencyKey, leave } = call;
    const abort = new Cancellation();
    const gone = (): void => abort.abort(cancelled());
    let running: RunningCall | undefined;
    // A caller without a key cannot ask for the result again, so leaving means cancelling.
    if (idempotencyKey === undefined) exchange.onGone(gone);
    else {
      running = new RunningCall(target, idempotencyKey, abort);
      this.directory.runningCalls.add(running);
    }
    const stream = new StreamedReply(exchange, replyEncoding(exchange), headers, this.maxOutgoingBytes, gone);
    const invocation = {
      name: action,
      args,
      idempotencyKey,
      params,
      auth,
      request,
      signal: abort,
      stream,
    };
    traced(exchange, target, action, (ended) =>
      this.directory.dispatch(target, invocation, (error, result) => {
        ended(result === undefined ? error : undefined);
        leave();
        if (running !== undefined) this.directory.runningCalls.delete(running);
        if (stream.hasBegun) {
          return stream.end(result === undefined ? visibleError(error, this.directory.ports) : undefined);
        }
        if (result === undefined) return this.fail(exchange, error, headers);
        if (result.length > this.maxOutgoingBytes) {
          return this.fail(exchange, outgoingTooLong(this.maxOutgoingBytes), headers);
        }
        const encoding = replyEncoding(exchange);
        const type = encoding === "cbor" ? cborHeaders : jsonHeaders;
        const all = headers === noHeaders ? type : { ...headers, ...type };
        exchange.reply(200, all, encodeOutput(encoding, result));
      }),
    );
  }

  #cancel(
    exchange: Exchange,
    target: ActorTarget,
    idempotencyKey: string,
    headers: Readonly<Record<string, string>>,
  ): void {
    for (const call of this.directory.runningCalls.find(target, idempotencyKey))
      call.abort.abort(cancelled());
    // Also if there is no such call: it may have ended in the meantime.
    exchange.reply(204, headers, undefined);
  }
}

/** Dispatches a call in a server span below that of the client. */
function traced(
  exchange: Exchange,
  target: ActorTarget,
  action: string,
  dispatch: (ended: (error: unknown) => void) => void,
): void {
  if (!tracing.enabled) return dispatch(() => undefined);
  const attributes = { "actor.name": target.name, "rpc.method": action };
  const read = (name: string): string | undefined => exchange.header(name);
  tracing.incoming(`gateway ${target.name}.${action}`, attributes, read, (span) => dispatch(span.end));
}

const cborHeaders: Readonly<Record<string, string>> = { "content-type": contentType.cbor };
const jsonHeaders: Readonly<Record<string, string>> = { "content-type": contentType.json };

function asGet(target: ActorTarget): ActorTarget {
  return target.type === "id" ? target : { type: "get", name: target.name, key: target.key };
}

function pathOf(url: string): string {
  return url.split("?", 1)[0] ?? url;
}

function notAllowed(exchange: Exchange, allow: string, headers: Readonly<Record<string, string>>): void {
  const message = `${exchange.method} is not allowed here; allowed: ${allow}`;
  replyError(exchange, new HoldfastError("gateway", "method_not_allowed", message), { ...headers, allow });
}

function upgradeRequired(): HoldfastError {
  return new HoldfastError("gateway", "upgrade_required", "Connect with a WebSocket", { statusCode: 426 });
}

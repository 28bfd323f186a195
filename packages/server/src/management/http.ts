import { type ActorRecord, exportActor, forkActor, importActor } from "@holdfast/actors";
import { type ActorTarget, contentType, decode, encode, type ListActorsOptions } from "@holdfast/client";
import { type ActorKey, decodeKey, HoldfastError, normalizeKey, qualifiedName } from "@holdfast/core";
import type { Directory } from "../directory/directory.ts";
import { docsPage } from "../gateway/http/docs-page.ts";
import { type Exchange, replyEncoding, requestEncoding } from "../gateway/http/exchange.ts";
import { tabAsset } from "../gateway/http/tab-assets.ts";
import type { GatewayOptions } from "../gateway/options.ts";
import { processMetrics } from "../gateway/process/process-metrics.ts";
import { InspectorApi } from "../inspector/api.ts";
import { badRequest } from "../inspector/request.ts";
import { serverLimits } from "../limits.ts";
import { asGet, ManageAccess, type ManageInfo } from "./access.ts";
import { asyncApi } from "./asyncapi.ts";
import { ActorManager } from "./manager.ts";
import { openApi } from "./openapi.ts";
import type { ManagementRoute } from "./routes.ts";

type Headers = Readonly<Record<string, string>>;
type InspectorRoute = Extract<ManagementRoute, { readonly of: "inspector" }>;

const collection = "/actors";
const clusterPath = "/cluster";
const drainPath = "/cluster/drain";
const cpuProfilePath = "/profile/cpu";
const heapProfilePath = "/profile/heap";
const defaultProfileSeconds = 10;
const owned: ReadonlySet<string> = new Set([clusterPath, drainPath, cpuProfilePath, heapProfilePath]);
const documents: ReadonlySet<string> = new Set(["/openapi.json", "/asyncapi.json", "/docs", "/metrics"]);

function pathOf(url: string): string {
  return url.split("?", 1)[0] ?? url;
}

/** Management, inspector, documents and metrics over HTTP. See docs/reference/management.md. */
export class ManagementHttp {
  readonly access: ManageAccess;
  readonly inspector: InspectorApi;
  readonly #directory: Directory;
  readonly #options: GatewayOptions;
  readonly #fail: (exchange: Exchange, error: unknown, headers: Headers) => void;

  constructor(
    directory: Directory,
    options: GatewayOptions,
    fail: (exchange: Exchange, error: unknown, headers: Headers) => void,
  ) {
    this.access = new ManageAccess(options, directory);
    this.inspector = new InspectorApi(directory);
    this.#directory = directory;
    this.#options = options;
    this.#fail = fail;
  }

  /** True if a path that does not belong to an actor is served here. */
  owns(url: string): boolean {
    const path = pathOf(url);
    if (path === collection) return true;
    return this.access.enabled && (documents.has(path) || owned.has(path));
  }

  /** Answers a path that does not belong to an actor, or returns false. */
  handle(exchange: Exchange, url: string, headers: Headers): boolean {
    const path = pathOf(url);
    if (path === collection) {
      // A browser that requests a page gets the program that is served beside the actors.
      const wantsPage = exchange.header("accept")?.includes("text/html") === true;
      if (wantsPage && this.#options.fallback !== undefined) return false;
      const query = url.slice(path.length + 1);
      this.serve(exchange, { kind: "management", of: "collection", verb: "list", query }, headers);
      return true;
    }
    if (!this.owns(url)) return false;
    if (owned.has(path)) {
      const query = new URLSearchParams(url.slice(path.length + 1));
      const isOfCluster = path === clusterPath || path === drainPath;
      this.#run(exchange, headers, () =>
        isOfCluster
          ? this.#cluster(exchange, path, query, headers)
          : this.#profile(exchange, path, query, headers),
      );
      return true;
    }
    this.#run(exchange, headers, () => this.#document(exchange, path, headers));
    return true;
  }

  serve(exchange: Exchange, route: ManagementRoute, headers: Headers): void {
    this.#run(exchange, headers, () => {
      switch (route.of) {
        case "collection":
          return this.#collection(exchange, route.verb, new URLSearchParams(route.query), headers);
        case "actor":
          return this.#actor(exchange, route.verb, asGet(route.target), route.query, headers);
        case "inspector":
          return this.#inspect(exchange, route, headers);
      }
    });
  }

  /** Handles `DELETE` of an actor. */
  destroy(exchange: Exchange, target: ActorTarget, headers: Headers): void {
    this.#run(exchange, headers, async () => {
      await this.#admit("destroy", exchange, target);
      await new ActorManager(this.#directory).destroy(asGet(target));
      exchange.reply(204, headers, undefined);
    });
  }

  #run(exchange: Exchange, headers: Headers, work: () => Promise<void>): void {
    work().catch((error: unknown) => this.#fail(exchange, error, headers));
  }

  #admit(
    kind: ManageInfo["kind"],
    exchange: Exchange,
    about?: ActorTarget | { readonly namespace: string },
  ): Promise<"owner" | "actor"> {
    return this.access.admit(kind, exchange, about);
  }

  async #document(exchange: Exchange, path: string, headers: Headers): Promise<void> {
    allow(exchange, "GET", "HEAD");
    const send = (type: string, body: string): void =>
      exchange.reply(200, { ...headers, "content-type": type }, exchange.method === "HEAD" ? "" : body);
    if (path === "/metrics") {
      await this.#admit("metrics", exchange);
      const text =
        this.#options.metrics === undefined
          ? this.#directory.metrics() + processMetrics()
          : await this.#options.metrics();
      return send("text/plain; version=0.0.4; charset=utf-8", text);
    }
    await this.#admit("documents", exchange);
    const { definitions } = this.#directory;
    const document = (await this.#options.openApi?.(openApi(definitions))) ?? openApi(definitions);
    if (path === "/openapi.json") return send("application/json", JSON.stringify(document));
    if (path === "/asyncapi.json") return send("application/json", JSON.stringify(asyncApi(definitions)));
    const page = docsPage(document, asyncApi(definitions));
    exchange.reply(200, { ...headers, ...page.headers }, exchange.method === "HEAD" ? "" : page.body);
  }

  /** The nodes, and the request to one of them to hand over its actors. */
  async #cluster(exchange: Exchange, path: string, query: URLSearchParams, headers: Headers): Promise<void> {
    allow(exchange, ...(path === clusterPath ? ["GET", "HEAD"] : ["POST"]));
    await this.#admit("cluster", exchange);
    const { cluster } = this.#directory;
    if (cluster === undefined) throw singleNode();
    if (path === drainPath) {
      const node = query.get("node");
      if (node === null) throw badRequest("`node` is missing: the id of the node");
      await cluster.requestDrain(node);
      exchange.reply(204, headers, undefined);
      return;
    }
    const body = JSON.stringify(await cluster.status());
    const type = { "content-type": "application/json" };
    exchange.reply(200, { ...headers, ...type }, exchange.method === "HEAD" ? "" : body);
  }

  /** A profile of this process, as a file. */
  async #profile(exchange: Exchange, path: string, query: URLSearchParams, headers: Headers): Promise<void> {
    allow(exchange, "GET");
    await this.#admit("profile", exchange);
    // It needs Node's inspector, which other hosts of actors lack.
    const { cpuProfile, heapSnapshot } = await import("../gateway/process/profiles.ts");
    const type = { "content-type": "application/json" };
    if (path === heapProfilePath) {
      exchange.replyWith(new Response(await heapSnapshot(), { headers: type }), headers);
      return;
    }
    const gone = new AbortController();
    exchange.onGone(() => gone.abort());
    const seconds = Number(query.get("seconds") ?? defaultProfileSeconds);
    exchange.reply(200, { ...headers, ...type }, await cpuProfile(seconds, gone.signal));
  }

  async #collection(
    exchange: Exchange,
    verb: string,
    query: URLSearchParams,
    headers: Headers,
  ): Promise<void> {
    const manager = new ActorManager(this.#directory);
    const { name, namespace } = scopeOf(this.#directory, query);
    switch (verb) {
      case "list": {
        allow(exchange, "GET", "DELETE");
        const options = filterOf(query);
        if (exchange.method === "DELETE") {
          await this.#admit("destroy", exchange, { namespace });
          if (name === undefined) throw badRequest("`name` is missing: the name of the actors");
          return this.#send(exchange, headers, await manager.destroyMany(name, options));
        }
        await this.#admit("list", exchange, { namespace });
        const ids = query.getAll("id");
        const page =
          ids.length > 0 ? await manager.byIds(ids, namespace) : await manager.list(name, options, namespace);
        return this.#send(exchange, headers, page);
      }
      case "count":
        allow(exchange, "GET");
        await this.#admit("count", exchange, { namespace });
        return this.#send(exchange, headers, await manager.count(name, filterOf(query), namespace));
      case "names":
        allow(exchange, "GET");
        await this.#admit("list", exchange, { namespace });
        return this.#send(exchange, headers, { names: namesOf(this.#directory) });
      default:
        return this.#import(exchange, query, headers);
    }
  }

  /** The request has come to the node that serves the actor. */
  async #move(
    exchange: Exchange,
    target: ActorTarget,
    query: URLSearchParams,
    headers: Headers,
  ): Promise<void> {
    allow(exchange, "POST");
    await this.#admit("cluster", exchange);
    const { cluster } = this.#directory;
    if (cluster === undefined) throw singleNode();
    const to = query.get("to");
    if (to === null) throw badRequest("`to` is missing: the id of a node, a region, or any");
    await this.#directory.move(target, to, cluster);
    exchange.reply(204, headers, undefined);
  }

  async #actor(
    exchange: Exchange,
    verb: string,
    target: ActorTarget,
    query: string,
    headers: Headers,
  ): Promise<void> {
    const { store } = this.#directory;
    const manager = new ActorManager(this.#directory);
    switch (verb) {
      case "status":
        allow(exchange, "GET");
        await this.#admit("info", exchange, target);
        return this.#send(exchange, headers, await manager.info(target));
      case "sleep":
        allow(exchange, "POST");
        await this.#admit("sleep", exchange, target);
        await manager.sleep(target);
        exchange.reply(204, headers, undefined);
        return;
      case "move":
        return this.#move(exchange, target, new URLSearchParams(query), headers);
      case "export": {
        allow(exchange, "GET");
        await this.#admit("inspect", exchange, target);
        const { id } = await this.#directory.resolve(target);
        const body = streamOf(exportActor(store, id));
        const type = { "content-type": "application/octet-stream", "cache-control": "no-store" };
        exchange.replyWith(new Response(body, { headers: type }), headers);
        return;
      }
      default:
        return this.#fork(exchange, target, headers);
    }
  }

  async #fork(exchange: Exchange, target: ActorTarget, headers: Headers): Promise<void> {
    allow(exchange, "POST");
    await this.#admit("inspect", exchange, target);
    const body = await readBody(exchange);
    const { key, at, name } = (body ?? {}) as { key?: unknown; at?: unknown; name?: unknown };
    if (at !== undefined && (typeof at !== "number" || !Number.isFinite(at)))
      throw badRequest("`at` is not a time");
    if (name !== undefined && (typeof name !== "string" || !this.#directory.definitions.has(name))) {
      throw badRequest("`name` is not an actor of this registry");
    }
    const { id } = await this.#directory.resolve(target);
    const { namespaces } = this.#directory;
    const copyName = name === undefined ? target.name : qualifiedName(namespaces.of(target.name), name);
    const copyKey = keyOf(key);
    const newId = this.#directory.newId(copyName, copyKey);
    const as = { id: newId, name: copyName, key: copyKey, createdAt: this.#directory.ports.clock.now() };
    const record = await forkActor(this.#directory.store, id, as, at === undefined ? {} : { at });
    this.#made(exchange, record, headers);
  }

  async #import(exchange: Exchange, query: URLSearchParams, headers: Headers): Promise<void> {
    allow(exchange, "POST");
    const { name, namespace } = scopeOf(this.#directory, query);
    await this.#admit("inspect", exchange, { namespace });
    const gone = new AbortController();
    exchange.onGone(() => gone.abort());
    const request = exchange.request("http://actors/import", gone.signal, serverLimits.maxImportBytes);
    if (request.body === null) throw badRequest("The body is not an export file");
    const key = query.get("key");
    const { store, definitions, namespaces, ports } = this.#directory;
    const as = {
      id: (ofName: string, ofKey: ActorKey) => this.#directory.newId(ofName, ofKey),
      createdAt: ports.clock.now(),
      ...(key === null ? {} : { key: decodeKey(key) }),
    };
    const nameFor = (original: string): string | undefined => {
      // The file may be of an actor of another namespace.
      const stored = name ?? qualifiedName(namespace, namespaces.bare(original));
      return definitions.has(namespaces.bare(stored)) ? stored : undefined;
    };
    const record = await importActor(store, request.body, as, nameFor);
    this.#made(exchange, record, headers);
  }

  /** It exists only in the store: nothing has scheduled its wake-up yet. */
  #made(exchange: Exchange, record: ActorRecord, headers: Headers): void {
    const { id, name, key, wakeAt } = record;
    if (wakeAt !== undefined) this.#directory.expectWake(name, key, wakeAt);
    this.#send(exchange, headers, { id, name: this.#directory.namespaces.bare(name), key }, 201);
  }

  async #inspect(exchange: Exchange, route: InspectorRoute, headers: Headers): Promise<void> {
    const target = asGet(route.target);
    if (route.path.startsWith(assetsPrefix)) return this.#asset(exchange, route, headers);
    const rights = await this.#admit("inspect", exchange, target);
    const response = await this.inspector.answer(target, {
      method: exchange.method,
      path: route.path,
      query: new URLSearchParams(route.query),
      body: await readBody(exchange),
      rights,
    });
    const own = { ...headers, "referrer-policy": "no-referrer" };
    this.#send(exchange, own, response.body, response.status);
  }

  /**
   * Pages fetch the files of a tab and cannot authenticate. The files contain no data of the actor, and no actor is
   * woken for them.
   */
  async #asset(exchange: Exchange, { target, path }: InspectorRoute, headers: Headers): Promise<void> {
    allow(exchange, "GET");
    if (!this.access.enabled)
      throw new HoldfastError("gateway", "not_found", "There is nothing at this path");
    const { definitions, namespaces } = this.#directory;
    const definition = definitions.get(namespaces.bare(target.name));
    const tabs = definition?.["~definition"].inspectorTabs ?? [];
    const { contentType: type, bytes } = await tabAsset(tabs, path.slice(assetsPrefix.length));
    exchange.reply(200, { ...headers, ...assetHeaders, "content-type": type }, bytes);
  }

  #send(exchange: Exchange, headers: Headers, body: unknown, status = 200): void {
    const encoding = replyEncoding(exchange);
    exchange.reply(status, { ...headers, "content-type": contentType[encoding] }, encode(encoding, body));
  }
}

const assetsPrefix = "/custom-tabs/";

/** A tab runs in a frame of the inspector's page, and nowhere else. */
const assetHeaders = {
  "referrer-policy": "no-referrer",
  "content-security-policy": "frame-ancestors 'self'; base-uri 'none'",
  "cross-origin-resource-policy": "same-origin",
} as const;

function allow(exchange: Exchange, ...methods: readonly string[]): void {
  if (methods.includes(exchange.method)) return;
  const message = `${exchange.method} is not allowed here; allowed: ${methods.join(", ")}`;
  throw new HoldfastError("gateway", "method_not_allowed", message);
}

/** The decoded body; undefined if there is none. */
function readBody(exchange: Exchange): Promise<unknown> {
  if (exchange.method === "GET" || exchange.method === "HEAD") return Promise.resolve(undefined);
  const encoding = requestEncoding(exchange) ?? "json";
  return new Promise((resolve, reject) => {
    exchange.readBody(serverLimits.maxInspectorBodyBytes, (error, body) => {
      try {
        if (error !== undefined) throw error;
        resolve(body.length === 0 ? undefined : decode(encoding, body, 1_010));
      } catch (cause) {
        reject(cause);
      }
    });
  });
}

/** Parses the query of a list. Throws `actor.invalid_filter`. */
function filterOf(query: URLSearchParams): ListActorsOptions {
  const number = (name: string): number | undefined => {
    const text = query.get(name);
    return text === null ? undefined : text === "" ? Number.NaN : Number(text);
  };
  const prefix = query.get("prefix");
  const keyPrefix = query.get("keyPrefix");
  const createdAfter = number("createdAfter");
  const limit = number("limit");
  const status = query.get("status");
  const cursor = query.get("cursor");
  return {
    ...(keyPrefix === null ? {} : { prefix: decodeKey(keyPrefix) }),
    ...(prefix === null ? {} : { prefix }),
    // The receiver validates it with the others.
    ...(status === null ? {} : { status: status as "running" }),
    ...(createdAfter === undefined ? {} : { createdAfter }),
    ...(limit === undefined ? {} : { limit }),
    ...(cursor === null ? {} : { cursor }),
  };
}

/** The namespace of a request, and the stored name of the actors. Throws `namespace.unknown`. */
function scopeOf(
  { namespaces }: Directory,
  query: URLSearchParams,
): { readonly name: string | undefined; readonly namespace: string } {
  const asked = query.get("namespace");
  const name = query.get("name");
  const stored = name === null ? undefined : namespaces.stored(name);
  if (asked === null) {
    return {
      name: stored,
      namespace: stored === undefined ? namespaces.named(undefined) : namespaces.of(stored),
    };
  }
  const namespace = namespaces.named(asked);
  if (stored === undefined || namespaces.of(stored) === namespace) return { name: stored, namespace };
  return { name: namespaces.within(namespace, stored), namespace };
}

function keyOf(key: unknown): ActorKey {
  const isKey =
    typeof key === "string" || (Array.isArray(key) && key.every((part) => typeof part === "string"));
  if (!isKey) throw badRequest("`key` is not a string or an array of strings");
  return normalizeKey(key as string | readonly string[]);
}

function namesOf({ definitions }: Directory): Record<string, unknown> {
  return Object.fromEntries(
    [...definitions].map(([name, definition]) => {
      const { displayName, icon, actions, events, queues, db, run } = definition["~definition"];
      return [
        name,
        {
          ...(displayName === undefined ? {} : { displayName }),
          ...(icon === undefined ? {} : { icon }),
          actions: [...actions.keys()],
          events: [...events.keys()],
          queues: [...queues.keys()],
          hasDatabase: db !== undefined,
          hasRun: run !== undefined,
        },
      ];
    }),
  );
}

/** Reads with backpressure. */
function streamOf(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const next = await iterator.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      cancel: async () => {
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

function singleNode(): HoldfastError {
  const message = "This server is not a node of a cluster. See how to run one: set HOLDFAST_ADVERTISE";
  return new HoldfastError("cluster", "single_node", message, { statusCode: 404 });
}

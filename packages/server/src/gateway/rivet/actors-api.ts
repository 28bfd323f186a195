import { HoldfastError, isErrorCode, qualifiedName } from "@holdfast/core";
import { serverLimits } from "../../limits.ts";
import type { Exchange } from "../http/exchange.ts";
import { placedPool, type RivetTarget } from "./address.ts";
import { keyFromText, keyText } from "./codec/key-text.ts";
import type { ReplyHeaders, RouteServer } from "./host.ts";
import type { InnerRequests } from "./inner-requests.ts";
import { ownHeaders } from "./request-headers.ts";

type KeyTarget = Extract<RivetTarget, { readonly type: "key" }>;

/** An actor as these clients know it. */
interface ActorInfo {
  readonly actor_id: string;
  readonly name: string;
  readonly key: string;
  readonly namespace_id: string;
  readonly datacenter: string;
  readonly runner_name_selector: string;
  readonly crash_policy: string;
  readonly create_ts: number;
}

const path = "/actors";

/** True for a request that looks up or creates an actor on this wire; our own lists have other parameters. */
export function isActorsRequest(method: string, url: string): boolean {
  const query = url === path ? "" : url.startsWith(`${path}?`) ? url.slice(path.length + 1) : undefined;
  if (query === undefined) return false;
  if (method === "PUT" || method === "POST") return true;
  if (method !== "GET") return false;
  const fields = new URLSearchParams(query);
  return fields.has("namespace") && (fields.has("actor_ids") || fields.has("key"));
}

/** `GET`, `PUT` and `POST /actors`: the requests behind `get`, `getOrCreate`, `create` and `resolve`. */
export class ActorsApi {
  readonly #routes: RouteServer;
  readonly #requests: InnerRequests;
  readonly #nameOf: (id: string) => string | Promise<string>;

  /** `nameOf` is the stored name of an actor. */
  constructor(
    routes: RouteServer,
    requests: InnerRequests,
    nameOf: (id: string) => string | Promise<string>,
  ) {
    this.#routes = routes;
    this.#requests = requests;
    this.#nameOf = nameOf;
  }

  /** Answers the request; `exchange` has its errors translated. */
  async serve(exchange: Exchange, url: string, prefix: string, headers: ReplyHeaders): Promise<void> {
    const query = new URLSearchParams(url.slice(path.length + 1));
    const namespace = query.get("namespace") ?? "default";
    const answer =
      exchange.method === "GET"
        ? { actors: await this.#found(exchange, query, namespace, prefix) }
        : await this.#made(exchange, await readJson(exchange), namespace, prefix);
    exchange.reply(200, { ...headers, "content-type": "application/json" }, JSON.stringify(answer));
  }

  async #found(
    exchange: Exchange,
    query: URLSearchParams,
    namespace: string,
    prefix: string,
  ): Promise<readonly ActorInfo[]> {
    const own = ownHeaders(exchange);
    try {
      const id = query.get("actor_ids");
      const target: RivetTarget =
        id === null
          ? keyTarget(namespace, query.get("name"), query.get("key"))
          : { type: "id", id: id.split(",", 1)[0] ?? "" };
      const name = target.type === "id" ? await this.#nameOf(target.id) : target.name;
      const found = await this.#requests.find(exchange, prefix, target, name, own);
      return [await this.#info(found)];
    } catch (error) {
      if (isErrorCode(error, "actor", "not_found")) return [];
      throw error;
    }
  }

  async #made(
    exchange: Exchange,
    body: Readonly<Record<string, unknown>>,
    namespace: string,
    prefix: string,
  ): Promise<object> {
    const own = ownHeaders(exchange);
    const target: KeyTarget = {
      ...keyTarget(namespace, body["name"], body["key"] ?? "/"),
      ...optional("input", body["input"]),
      ...optional("region", body["datacenter"]),
      ...optional("pool", placedPool(textOf(body["runner_name_selector"]))),
    };
    if (exchange.method === "POST") {
      return { actor: await this.#info(await this.#requests.create(exchange, prefix, target, own)) };
    }
    // Only its own lookup says whether the actor is new; a hook may allow the creation and refuse the lookup.
    const known = await this.#requests
      .find(exchange, prefix, target, target.name, own)
      .catch(() => undefined);
    const id = known ?? (await this.#requests.ensure(exchange, prefix, target, own));
    return { actor: await this.#info(id), created: known === undefined };
  }

  async #info(id: string): Promise<ActorInfo> {
    const { directory } = this.#routes;
    const record = await directory.store.get(id);
    const name = record?.name ?? "";
    return {
      actor_id: id,
      name: directory.namespaces.bare(name),
      key: keyText(record?.key ?? []),
      namespace_id: directory.namespaces.of(name),
      datacenter: directory.region,
      runner_name_selector: "default",
      crash_policy: "sleep",
      create_ts: record?.createdAt ?? 0,
    };
  }
}

function keyTarget(namespace: string, name: unknown, key: unknown): KeyTarget {
  if (typeof name !== "string" || name === "" || typeof key !== "string") {
    throw malformed("`name` and `key` are texts");
  }
  return { type: "key", name: qualifiedName(namespace, name), key: keyFromText(key), creates: true };
}

function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw malformed("a field that is a text is not one");
}

function optional<Name extends string>(name: Name, value: unknown): { readonly [N in Name]?: string } {
  const text = textOf(value);
  return text === undefined ? {} : ({ [name]: text } as { readonly [N in Name]: string });
}

function readJson(exchange: Exchange): Promise<Readonly<Record<string, unknown>>> {
  return new Promise((resolve, reject) => {
    exchange.readBody(serverLimits.maxRivetCreateBytes, (error, body) => {
      if (error !== undefined) return reject(error);
      try {
        const value: unknown = JSON.parse(Buffer.from(body).toString("utf8"));
        if (typeof value !== "object" || value === null || Array.isArray(value))
          throw malformed("it is not an object");
        resolve(value as Readonly<Record<string, unknown>>);
      } catch (cause) {
        reject(cause instanceof SyntaxError ? malformed("it is not JSON") : (cause as Error));
      }
    });
  });
}

function malformed(why: string): HoldfastError {
  return new HoldfastError("message", "malformed_request", `The request for an actor is malformed: ${why}`);
}

/**
 * Serves clients of `rivetkit` 2.3, unchanged. Requests and connections on their wire are translated to our own at this
 * door, and answers back; nothing behind it knows of them. See docs/how-to/move-from-rivet.md.
 */
import { contentType } from "@holdfast/client";
import { notFound } from "../../internal/addresses.ts";
import { preflight } from "../cors.ts";
import type { Exchange } from "../http/exchange.ts";
import { ActorsApi, isActorsRequest } from "./actors-api.ts";
import { isGatewayPath, ownPath, parseDirectPath, parseGatewayPath, type RivetAddress } from "./address.ts";
import { encodingOf, type RivetEncoding } from "./codec/values.ts";
import type { ReplyHeaders, RouteServer } from "./host.ts";
import type { Asker } from "./inner-exchange.ts";
import { type InnerHeaders, InnerRequests } from "./inner-requests.ts";
import { ownHeaders } from "./request-headers.ts";
import type { TranslatedRequest } from "./translated-exchange.ts";

const maxKnownNames = 10_000;

/** A body of the gateway, in our own encoding after the translation. */
const ownBody: InnerHeaders = {
  "content-type": contentType.cbor,
  accept: contentType.cbor,
  "content-length": undefined,
  "transfer-encoding": undefined,
};

/** The exchange of the client, seen as one of our own. */
type Translate = (request: TranslatedRequest) => Exchange;

export class RivetDoor {
  readonly #routes: RouteServer;
  readonly #requests: InnerRequests;
  readonly #actors: ActorsApi;
  /** Stored names of actors by id: an id never changes its actor. */
  readonly #names = new Map<string, string>();

  constructor(routes: RouteServer) {
    this.#routes = routes;
    this.#requests = new InnerRequests(routes);
    this.#actors = new ActorsApi(routes, this.#requests, (id) => this.nameOf(id));
  }

  /** Answers a request on this wire, or returns false. `url` is its path below the mount path. */
  handle(exchange: Exchange, url: string, headers: ReplyHeaders): boolean {
    if (isActorsRequest(exchange.method, url)) {
      const prefix = prefixOf(exchange.url, url);
      this.#answer(exchange, headers, (translate) =>
        this.#actors.serve(translate(errorsOnly(exchange)), url, prefix, headers),
      );
      return true;
    }
    const isGateway = isGatewayPath(url);
    if (!isGateway && !namesActor(exchange)) return false;
    if (exchange.method === "OPTIONS") {
      preflight(exchange, true, headers);
      return true;
    }
    const id = exchange.header("x-rivet-actor");
    try {
      const address = isGateway
        ? parseGatewayPath(url)
        : parseDirectPath(exchange.url, id ?? "", exchange.header("x-rivet-token"));
      if (address === undefined) return false;
      const prefix = isGateway ? prefixOf(exchange.url, url) : "";
      this.#serve(exchange, address, prefix, headers);
    } catch (error) {
      this.#answer(exchange, headers, () => Promise.reject(error));
    }
    return true;
  }

  /**
   * True for a path that browsers ask for with credentials, whatever the options say: clients look at `/metadata` first,
   * which is the same for everybody.
   */
  sendsCredentials(url: string | undefined): boolean {
    return url !== undefined && /^\/metadata(?:\?|$)/.test(url);
  }

  /**
   * The path of an address below `/actors/`; creates the actor first if that takes more than its key. Throws
   * `actor.not_found`, and the error of a refused creation.
   */
  ownUrl(asker: Asker, address: RivetAddress, prefix: string): string | Promise<string> {
    const { target } = address;
    if (target.type === "id") {
      const name = this.nameOf(target.id);
      const url = (stored: string): string => `${prefix}${ownPath(address, stored)}`;
      return typeof name === "string" ? url(name) : name.then(url);
    }
    const isPlain = target.input === undefined && target.region === undefined && target.pool === undefined;
    if (!target.creates || isPlain) return `${prefix}${ownPath(address, target.name)}`;
    const made = { ...address, target: { ...target, creates: false } };
    return this.#requests
      .ensure(asker, prefix, target, ownHeaders(asker, address))
      .then(() => `${prefix}${ownPath(made, target.name)}`);
  }

  /** The stored name of the actor with this id. Throws `actor.not_found`. */
  nameOf(id: string): string | Promise<string> {
    return this.#names.get(id) ?? this.#storedName(id);
  }

  async #storedName(id: string): Promise<string> {
    const record = await this.#routes.directory.store.get(id);
    if (record === undefined) throw notFound({ type: "id", name: "", id });
    if (this.#names.size >= maxKnownNames) this.#names.clear();
    this.#names.set(id, record.name);
    return record.name;
  }

  #serve(exchange: Exchange, address: RivetAddress, prefix: string, headers: ReplyHeaders): void {
    const { kind } = address.route;
    const body = kind === "action" ? "call" : kind === "queue" ? "queue" : undefined;
    const encoding = body === undefined ? "json" : encodingOf(exchange.header("x-rivet-encoding"));
    const serve = async (translate: Translate): Promise<void> => {
      const url = await this.ownUrl(exchange, address, prefix);
      const own = { ...ownHeaders(exchange, address), ...(body === undefined ? {} : ownBody) };
      const { method } = exchange;
      this.#routes.serve(translate({ method, url, headers: own, body, encoding }), headers);
    };
    this.#answer(exchange, headers, serve, encoding);
  }

  /**
   * Answers what `serve` throws in the form of this wire. Its codecs are loaded with the first request: they are 30
   * modules, and most servers never meet such a client.
   */
  #answer(
    exchange: Exchange,
    headers: ReplyHeaders,
    serve: (translate: Translate) => Promise<void>,
    encoding: RivetEncoding = "json",
  ): void {
    import("./translated-exchange.ts").then(
      ({ TranslatedExchange }) => {
        const translate: Translate = (request) => new TranslatedExchange(exchange, request);
        serve(translate).catch((error: unknown) =>
          this.#routes.fail(translate(errorsOnly(exchange, encoding)), error, headers),
        );
      },
      (error: unknown) => this.#routes.fail(exchange, error, headers),
    );
  }
}

/** For a request that is answered at this door: only its errors are in the form of our own routes. */
function errorsOnly({ method, url }: Exchange, encoding: RivetEncoding = "json"): TranslatedRequest {
  return { method, url, headers: { accept: contentType.cbor }, body: undefined, encoding };
}

function namesActor(exchange: Exchange): boolean {
  if (exchange.header("x-rivet-target") === "actor" && exchange.header("x-rivet-actor") !== undefined)
    return true;
  // A preflight names the headers that will follow.
  const asked = exchange.method === "OPTIONS" ? exchange.header("access-control-request-headers") : undefined;
  return asked?.toLowerCase().includes("x-rivet-target") === true;
}

/** What the mount path puts before the path below it. */
export function prefixOf(url: string, local: string): string {
  return url.endsWith(local) ? url.slice(0, url.length - local.length) : "";
}

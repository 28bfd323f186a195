import { contentType, decode, encode, trustedDepth } from "@holdfast/client";
import { fromWireError, type HoldfastError } from "@holdfast/core";
import { actorPath, type RivetTarget } from "./address.ts";
import { decodeCbor } from "./codec/values.ts";
import type { RouteServer } from "./host.ts";
import { type Asker, InnerExchange } from "./inner-exchange.ts";

/** Headers of a request that is made on behalf of another one. */
export type InnerHeaders = Readonly<Record<string, string | undefined>>;

type KeyTarget = Extract<RivetTarget, { readonly type: "key" }>;

/** Looks up and creates actors through our own routes, whose hooks decide about that. */
export class InnerRequests {
  readonly #routes: RouteServer;

  constructor(routes: RouteServer) {
    this.#routes = routes;
  }

  /** Gets or creates the actor. Throws the error of the answer. */
  ensure(asker: Asker, prefix: string, target: KeyTarget, headers: InnerHeaders): Promise<string> {
    return this.#create("PUT", asker, prefix, target, headers);
  }

  /** Creates the actor. Throws the error of the answer. */
  create(asker: Asker, prefix: string, target: KeyTarget, headers: InnerHeaders): Promise<string> {
    return this.#create("POST", asker, prefix, target, headers);
  }

  /** The id of an existing actor. Throws the error of the answer. */
  find(
    asker: Asker,
    prefix: string,
    target: RivetTarget,
    name: string,
    headers: InnerHeaders,
  ): Promise<string> {
    const path = actorPath(target.type === "id" ? target : { ...target, creates: false }, name);
    return this.#ask(
      new InnerExchange(asker, { method: "GET", url: `${prefix}${path}`, headers: accept(headers) }),
    );
  }

  #create(
    method: "PUT" | "POST",
    asker: Asker,
    prefix: string,
    target: KeyTarget,
    headers: InnerHeaders,
  ): Promise<string> {
    const place = new URLSearchParams();
    if (target.region !== undefined) place.set("region", target.region);
    if (target.pool !== undefined) place.set("pool", target.pool);
    const query = place.size === 0 ? "" : `?${place}`;
    const path = actorPath({ ...target, creates: false }, target.name);
    const input =
      target.input === undefined ? {} : { input: decodeCbor(Buffer.from(target.input, "base64url")) };
    return this.#ask(
      new InnerExchange(asker, {
        ...{ method, url: `${prefix}${path}${query}` },
        headers: { ...accept(headers), "content-type": contentType.cbor },
        body: encode("cbor", input) as Uint8Array,
      }),
    );
  }

  async #ask(exchange: InnerExchange): Promise<string> {
    try {
      this.#routes.serve(exchange, {});
    } catch (error) {
      this.#routes.fail(exchange, error);
    }
    const { status, body } = await exchange.answer;
    const value = decode("cbor", (body ?? new Uint8Array(0)) as Uint8Array, trustedDepth);
    if (status >= 400) throw fromWireError(value, status) satisfies HoldfastError;
    return (value as { readonly id: string }).id;
  }
}

function accept(headers: InnerHeaders): InnerHeaders {
  return { ...headers, accept: contentType.cbor };
}

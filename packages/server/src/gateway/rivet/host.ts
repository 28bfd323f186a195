import type { Directory } from "../../directory/directory.ts";
import type { Exchange } from "../http/exchange.ts";
import type { GatewayOptions } from "../options.ts";

/** The part of the gateway that stands behind this room: its own routes. */
export interface RouteServer {
  readonly directory: Directory;
  readonly options: GatewayOptions;
  /** Throws `gateway.forbidden_host`, `gateway.forbidden_origin`. */
  readonly guard: { check(host: string | undefined, origin: string | undefined): void };
  /** Answers a request whose URL is one of our own, below `/actors/`. */
  serve(exchange: Exchange, headers: Readonly<Record<string, string>>): void;
  /** Sends an error in the form that its caller may see. */
  fail(exchange: Exchange, error: unknown, headers?: Readonly<Record<string, string>>): void;
}

export type ReplyHeaders = Readonly<Record<string, string>>;

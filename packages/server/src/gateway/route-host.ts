import type { Directory } from "../directory/directory.ts";
import type { Exchange } from "./http/exchange.ts";
import type { GatewayOptions } from "./options.ts";

/** The part of the gateway that its routes use. */
export interface RouteHost {
  readonly directory: Directory;
  readonly options: GatewayOptions;
  /** Maximum number of bytes of a request's body that are read. */
  readonly maxIncomingBytes: number;
  readonly maxOutgoingBytes: number;
  /** The `onAuth` hook of a kind of actor; undefined if callers are not checked. */
  authHook(name: string): ((...args: unknown[]) => unknown) | undefined;
  /** Sends an error in the form that its caller may see. */
  fail(exchange: Exchange, error: unknown, headers?: Readonly<Record<string, string>>): void;
}

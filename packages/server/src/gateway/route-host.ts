import type { Directory } from "../directory/directory.ts";
import type { Exchange } from "./http/exchange.ts";
import type { GatewayOptions } from "./options.ts";

/** What a route of the gateway needs of it. */
export interface RouteHost {
  readonly directory: Directory;
  readonly options: GatewayOptions;
  /** Bytes of a request's body that are read at most. */
  readonly maxIncomingBytes: number;
  readonly maxOutgoingBytes: number;
  /** Answers with an error as its caller may see it. */
  fail(exchange: Exchange, error: unknown, headers?: Readonly<Record<string, string>>): void;
}

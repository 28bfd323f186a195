import { type ClientBase, createClient } from "@holdfast/client";

/**
 * A client of a Studio that runs in another process of this machine, with the cookie of a login; for
 * Node, whose WebSocket can carry headers. Browsers send the cookie by themselves.
 */
export function connectWithCookie(url: string, cookie: string): ClientBase {
  class CookieWebSocket extends WebSocket {
    constructor(address: string, protocols: string | string[] = []) {
      // Node takes an object here as well, which the types of browsers do not know.
      super(address, { protocols, headers: { cookie } } as unknown as string[]);
    }
  }
  return createClient({ endpoint: url, headers: { cookie }, WebSocket: CookieWebSocket });
}

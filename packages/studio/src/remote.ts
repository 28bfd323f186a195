import { type ClientBase, createClient } from "@holdfast/client";

/**
 * Connects to a Studio in another process of this machine, with the cookie of a login. Only for Node, whose WebSocket
 * accepts headers; browsers send the cookie automatically.
 */
export function connectWithCookie(url: string, cookie: string): ClientBase {
  class CookieWebSocket extends WebSocket {
    constructor(address: string, protocols: string | string[] = []) {
      // Node also accepts an options object, which the browser types lack.
      super(address, { protocols, headers: { cookie } } as unknown as string[]);
    }
  }
  return createClient({ endpoint: url, headers: { cookie }, WebSocket: CookieWebSocket });
}

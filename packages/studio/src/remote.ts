import { type ClientBase, createClient } from "@holdfast/client";

/**
 * Connects to a Studio elsewhere, with the cookie of a login or an API token in the headers. Only for Node, whose WebSocket
 * accepts headers; browsers send the cookie automatically.
 */
export function connectWithHeaders(url: string, headers: Readonly<Record<string, string>>): ClientBase {
  class HeaderWebSocket extends WebSocket {
    constructor(address: string, protocols: string | string[] = []) {
      // Node also accepts an options object, which the browser types lack.
      super(address, { protocols, headers } as unknown as string[]);
    }
  }
  return createClient({ endpoint: url, headers: { ...headers }, WebSocket: HeaderWebSocket });
}

/** As {@link connectWithHeaders}, with the cookie of a login. */
export function connectWithCookie(url: string, cookie: string): ClientBase {
  return connectWithHeaders(url, { cookie });
}

/** The browser's side of a chat; published as `holdfast/agent/chat`. May use nothing but the platform. */

/** As much of a handle of an agent as a transport uses. */
export interface ChatHandle {
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/** Options of `DefaultChatTransport` of the Vercel AI SDK 7. */
export interface ChatTransportOptions {
  readonly api: string;
  readonly fetch: typeof globalThis.fetch;
  readonly prepareReconnectToStreamRequest: () => { api: string };
}

/**
 * Options with which `new DefaultChatTransport(chatTransport(handle))` talks to an agent through a client's handle, with its address, its
 * parameters and its authentication.
 */
export function chatTransport(handle: ChatHandle): ChatTransportOptions {
  return {
    api: "/chat",
    fetch: async (input, init) => await handle.fetch(String(input), init),
    prepareReconnectToStreamRequest: () => ({ api: "/chat/stream" }),
  };
}

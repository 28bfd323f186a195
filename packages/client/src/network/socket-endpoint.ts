/**
 * Base URL for connections. A server that takes no WebSockets, such as a Next.js route handler, names another one in
 * its `/metadata`, which is read after a socket closed before it opened.
 */
export class SocketEndpoint {
  readonly #serverUrl: string;
  readonly #fetchUrl: (url: string) => Promise<Response>;
  #base: string;
  #lookup: Promise<void> | undefined;

  constructor(base: string, fetchUrl: (url: string) => Promise<Response>) {
    this.#serverUrl = base;
    this.#fetchUrl = fetchUrl;
    this.#base = base;
  }

  /** Without a trailing slash. */
  get base(): string {
    return this.#base;
  }

  /** Reports that the server refused a socket, and looks up the endpoint for the next attempt. */
  socketRejected(): void {
    this.#lookup ??= this.#discover().catch(() => {
      // The server is unreachable, which the attempt itself reports. Look it up again after the next one.
      this.#lookup = undefined;
    });
  }

  async #discover(): Promise<void> {
    const response = await this.#fetchUrl(`${this.#serverUrl}/metadata`);
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    const endpoint: unknown = Reflect.get(Object(await response.json()), "clientEndpoint");
    // A server that names no endpoint is not asked again.
    if (typeof endpoint !== "string") return;
    this.#base = endpoint.replace(/\/+$/, "");
    this.#lookup = undefined;
  }
}

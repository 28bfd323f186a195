/**
 * Where connections go. A server that takes no WebSockets, such as a route handler of Next.js, names in its
 * `/metadata` the one that does; it is asked when a socket was closed before it was open.
 */
export class LiveEndpoint {
  readonly #asked: string;
  readonly #ask: (url: string) => Promise<Response>;
  #base: string;
  #lookup: Promise<void> | undefined;

  constructor(base: string, ask: (url: string) => Promise<Response>) {
    this.#asked = base;
    this.#ask = ask;
    this.#base = base;
  }

  /** Without a trailing slash. */
  get base(): string {
    return this.#base;
  }

  /** A socket was not taken. The next attempt finds what the server says. */
  notTaken(): void {
    this.#lookup ??= this.#find().catch(() => {
      // It cannot be reached either, as the attempt itself says: after the next one it is asked again.
      this.#lookup = undefined;
    });
  }

  async #find(): Promise<void> {
    const response = await this.#ask(`${this.#asked}/metadata`);
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    const named: unknown = Reflect.get(Object(await response.json()), "clientEndpoint");
    // One that names none will not name any later.
    if (typeof named !== "string") return;
    this.#base = named.replace(/\/+$/, "");
    this.#lookup = undefined;
  }
}

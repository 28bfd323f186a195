/** A WebSocket of an actor to the object of another one, with the interface of the standard class. */
import { internalHeader } from "../object/internal-header.ts";
import type { ObjectStub, SocketEvent, WorkerSocket } from "../platform.ts";

type Handler = ((event: SocketEvent) => void) | null;

interface StubSocket {
  binaryType: string;
  readonly url: string;
  readonly protocol: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  onopen: Handler;
  onmessage: Handler;
  onerror: Handler;
  onclose: Handler;
  send(data: string | ArrayBuffer | Uint8Array): void;
  close(code?: number, reason?: string): void;
}

/** The class for one actor. Messages of raw sockets leave in order, each after `gate`; frames of ours have passed it. */
export function stubSocket(
  stubFor: (url: string) => ObjectStub,
  gate: (() => Promise<void>) | undefined,
): new (
  url: string,
  protocols?: string | string[],
) => StubSocket {
  return class {
    binaryType = "arraybuffer";
    readonly bufferedAmount = 0;
    readonly url: string;
    onopen: Handler = null;
    onmessage: Handler = null;
    onerror: Handler = null;
    onclose: Handler = null;
    #protocol = "";
    #state = 0;
    #socket: WorkerSocket | undefined;
    #tail: Promise<unknown> = Promise.resolve();
    readonly #gate: (() => Promise<void>) | undefined;

    constructor(url: string, protocols: string | string[] = []) {
      this.url = url.replace(/^ws/, "http");
      const { pathname } = new URL(this.url);
      this.#gate = /^\/actors\/[^/]+\/[^/]+\/websocket(\/|$)/.test(pathname) ? gate : undefined;
      void this.#open([protocols].flat());
    }

    get protocol(): string {
      return this.#protocol;
    }

    get readyState(): number {
      return this.#state;
    }

    send(data: string | ArrayBuffer | Uint8Array): void {
      if (this.#gate === undefined) return this.#socket?.send(data);
      this.#tail = Promise.all([this.#tail, this.#gate()]).then(
        () => this.#socket?.send(data),
        () => this.close(1011),
      );
    }

    close(code = 1000, reason?: string): void {
      if (this.#state >= 2) return;
      this.#state = 2;
      void this.#tail.then(() => {
        this.#socket?.close(code, reason);
        if (this.#socket === undefined) this.#closed({ code: 1006, reason: "", wasClean: false });
      });
    }

    async #open(protocols: readonly string[]): Promise<void> {
      try {
        const headers = new Headers({ upgrade: "websocket", [internalHeader]: "1" });
        if (protocols.length > 0) headers.set("sec-websocket-protocol", protocols.join(", "));
        const response = await stubFor(this.url).fetch(new Request(this.url, { headers }));
        const socket: unknown = Reflect.get(response, "webSocket");
        if (typeof socket !== "object" || socket === null) {
          throw new Error(`The object answered with ${response.status}`);
        }
        this.#opened(socket as WorkerSocket, response.headers.get("sec-websocket-protocol") ?? "");
      } catch (error) {
        this.onerror?.(Object.assign(new Event("error"), { error }) as SocketEvent);
        this.#closed({ code: 1006, reason: "", wasClean: false });
      }
    }

    #opened(socket: WorkerSocket, protocol: string): void {
      socket.binaryType = "arraybuffer";
      socket.addEventListener("message", (event) => this.onmessage?.(event));
      socket.addEventListener("close", (event) => this.#closed(event));
      socket.accept();
      if (this.#state >= 2) return socket.close(1000);
      this.#socket = socket;
      this.#protocol = protocol;
      this.#state = 1;
      this.onopen?.({});
    }

    #closed(event: SocketEvent): void {
      if (this.#state === 3) return;
      this.#state = 3;
      this.onclose?.(event);
    }
  };
}

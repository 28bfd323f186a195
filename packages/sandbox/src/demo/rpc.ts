/** The demo agent, which needs no model. */
import { LineSplitter } from "../acp/lines.ts";
import { isWrongRequest } from "../acp/message.ts";

/** Larger than the largest message that the server forwards. */
const maxLineBytes = 256 * 1_048_576;

export type Params = Readonly<Record<string, unknown>>;

/** Handles a request. A thrown {@link RpcError} becomes the error response. */
export type RequestHandler = (method: string, params: Params) => Promise<unknown>;
export type NotificationHandler = (method: string, params: Params) => void;

/** Error with a JSON-RPC code. */
export class RpcError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** JSON-RPC peer over the standard input and output of this process, one message per line. */
export class StdioPeer {
  readonly #pending = new Map<number, (response: Params) => void>();
  #lastId = 0;

  /** Reads messages until the input ends. */
  async serve(onRequest: RequestHandler, onNotification: NotificationHandler): Promise<void> {
    const sendParseError = () =>
      this.#write({ jsonrpc: "2.0", id: null, error: { code: -32700, message: "Parse error" } });
    const onLine = (line: string) => {
      const message = parse(line);
      if (!message) {
        sendParseError();
        return;
      }
      const params = isParams(message.params) ? message.params : {};
      if (typeof message.method !== "string") this.#handleResponse(message);
      else if (Object.hasOwn(message, "id"))
        void this.#respond(message.id, message.method, params, onRequest);
      else onNotification(message.method, params);
    };
    // readline also splits at U+2028, and rescans a long line for each chunk.
    const lines = new LineSplitter(maxLineBytes, onLine, sendParseError);
    for await (const chunk of process.stdin) lines.push(Buffer.from(chunk));
    const lastLine = lines.end();
    if (lastLine !== undefined) onLine(lastLine);
  }

  notify(method: string, params: Params): void {
    this.#write({ jsonrpc: "2.0", method, params });
  }

  /** Sends a request to the client. Rejects with the signal's reason when that aborts first. */
  request(method: string, params: Params, signal: AbortSignal): Promise<Params> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#pending.delete(id);
        reject(signal.reason);
      };
      if (signal.aborted) {
        abort();
        return;
      }
      signal.addEventListener("abort", abort, { once: true });
      this.#pending.set(id, (response) => {
        signal.removeEventListener("abort", abort);
        resolve(response);
      });
      this.#write({ jsonrpc: "2.0", id, method, params });
    });
  }

  async #respond(id: unknown, method: string, params: Params, handler: RequestHandler): Promise<void> {
    try {
      this.#write({ jsonrpc: "2.0", id, result: await handler(method, params) });
    } catch (error) {
      const code = error instanceof RpcError ? error.code : -32603;
      const message = error instanceof Error ? error.message : String(error);
      this.#write({ jsonrpc: "2.0", id, error: { code, message } });
    }
  }

  /** Handles a response or an invalid request. An invalid notification is ignored. */
  #handleResponse(message: Params): void {
    if (!isWrongRequest(message)) this.#settle(message);
    else if (Object.hasOwn(message, "id")) {
      this.#write({ jsonrpc: "2.0", id: message.id, error: { code: -32600, message: "Invalid Request" } });
    }
  }

  #settle(message: Params): void {
    const pending = typeof message.id === "number" ? this.#pending.get(message.id) : undefined;
    if (!pending || typeof message.id !== "number") return;
    this.#pending.delete(message.id);
    pending(message);
  }

  #write(message: Params): void {
    process.stdout.write(`${JSON.stringify(message)}\n`);
  }
}

export function isParams(value: unknown): value is Params {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parse(line: string): Params | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isParams(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

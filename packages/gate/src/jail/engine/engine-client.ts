import { Agent, type IncomingMessage, type RequestOptions, request } from "node:http";
import type { Socket } from "node:net";
import { text } from "node:stream/consumers";
import { HoldfastError } from "@holdfast/core";

/** What an engine answers is never large: one container, or a list of those of one gate. */
const timeoutMs = 60_000;

/** The Engine API of Docker and Podman over its Unix socket. */
export class EngineClient {
  readonly socketPath: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  /** Of requests that are answered when a container ends: those of many would leave the others no connection. */
  readonly #waiting = new Agent();

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  /** The answer as JSON, where it is some. Throws `jail.unavailable` and `jail.engine_failed`. */
  call(method: string, path: string, body?: object | Buffer): Promise<unknown> {
    return this.#ask(method, path, { agent: this.#agent, signal: AbortSignal.timeout(timeoutMs) }, body);
  }

  /** What `wait` says of a container that was started: the answer comes when it has ended, however late that is. */
  ended(container: string): Promise<unknown> {
    return this.#ask("POST", `/containers/${container}/wait`, { agent: this.#waiting });
  }

  async #ask(
    method: string,
    path: string,
    how: Pick<RequestOptions, "agent" | "signal">,
    body?: object | Buffer,
  ): Promise<unknown> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const type = Buffer.isBuffer(body) ? "application/x-tar" : "application/json";
      const payload = body === undefined || Buffer.isBuffer(body) ? body : JSON.stringify(body);
      const asked = request(
        {
          socketPath: this.socketPath,
          ...how,
          method,
          path: path.startsWith("/libpod") ? `/v4.0.0${path}` : `/v1.41${path}`,
          ...(payload === undefined ? {} : { headers: { "content-type": type } }),
        },
        resolve,
      );
      asked.once("error", (cause) => reject(this.#unreachable(cause)));
      asked.end(payload);
    });
    const said = await text(response);
    const status = response.statusCode ?? 0;
    // 304: it was so already.
    if (status >= 400) throw engineFailed(`${method} ${path.split("?")[0]}`, status, said);
    return response.headers["content-type"]?.includes("json") === true && said !== "" ? parse(said) : said;
  }

  /** Opens streams of a container that has not started yet: its input, or both of its outputs in one. */
  attach(id: string, which: "input" | "outputs"): Promise<Socket> {
    const streams = which === "input" ? "stdin=1" : "stdout=1&stderr=1";
    return new Promise((resolve, reject) => {
      const asked = request({
        socketPath: this.socketPath,
        method: "POST",
        path: `/v1.41/containers/${id}/attach?stream=1&${streams}`,
        headers: { connection: "Upgrade", upgrade: "tcp" },
        signal: AbortSignal.timeout(timeoutMs),
      });
      asked.once("error", (cause) => reject(this.#unreachable(cause)));
      asked.once("upgrade", (_response, socket: Socket, head: Buffer) => {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
      });
      asked.once("response", (response: IncomingMessage) => {
        void text(response).then(
          (said) => reject(engineFailed("attach", response.statusCode ?? 0, said)),
          reject,
        );
      });
      asked.end();
    });
  }

  close(): void {
    this.#agent.destroy();
    this.#waiting.destroy();
  }

  #unreachable(cause: Error): HoldfastError {
    return new HoldfastError(
      "jail",
      "unavailable",
      `No container engine answers on ${this.socketPath} (${cause.message}). Start it (podman: systemctl enable --now podman.socket; docker: systemctl enable --now docker), and let this user open its socket`,
      { statusCode: 503, cause },
    );
  }
}

function engineFailed(what: string, status: number, said: string): HoldfastError {
  const value = parse(said);
  const message = isRecord(value) && typeof value["message"] === "string" ? value["message"] : said;
  return new HoldfastError(
    "jail",
    "engine_failed",
    `The container engine answered ${status} to ${what}: ${message.slice(0, 1_000)}`,
    { statusCode: 503, metadata: { status } },
  );
}

function parse(said: string): unknown {
  try {
    return JSON.parse(said);
  } catch {
    // Some errors of some engines are plain text.
    return said;
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Driver for podman and docker. */
import { Agent, type IncomingMessage, type RequestOptions, request } from "node:http";
import type { Socket } from "node:net";
import { text } from "node:stream/consumers";
import { HoldfastError } from "@holdfast/core";

/** Timeout of every call but `wait`. */
const timeoutMs = 60_000;
/** Time between two looks of podman at a container whose end it waits for. */
const podmanWaitMs = 100;

/** Client of the Engine API of Docker and Podman, over its Unix socket. */
export class EngineClient {
  readonly socketPath: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  /** For `wait`: its long requests would leave the others no connection. */
  readonly #waitAgent = new Agent();

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  /** Calls the API; gives the answer, parsed where it is JSON. Throws `jail.unavailable` and `jail.engine_failed`. */
  call(method: string, path: string, body?: object | Buffer): Promise<unknown> {
    return this.#ask(method, path, { agent: this.#agent, signal: AbortSignal.timeout(timeoutMs) }, body);
  }

  /** Resolves with the exit code of a started container when it has ended; null if the engine does not say it. */
  async ended(container: string, { isPodman }: { readonly isPodman: boolean }): Promise<number | null> {
    // Docker's `wait` of podman looks again and again without a pause, which takes a whole core.
    const path = isPodman
      ? `/libpod/containers/${container}/wait?interval=${podmanWaitMs}ms`
      : `/containers/${container}/wait`;
    const answer = await this.#ask("POST", path, { agent: this.#waitAgent });
    // Docker says it in an object, podman as a number, which some releases do not call JSON.
    const code = Number.parseInt(String(isRecord(answer) ? answer["StatusCode"] : answer), 10);
    return Number.isInteger(code) ? code : null;
  }

  async #ask(
    method: string,
    path: string,
    options: Pick<RequestOptions, "agent" | "signal">,
    body?: object | Buffer,
  ): Promise<unknown> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const type = Buffer.isBuffer(body) ? "application/x-tar" : "application/json";
      const payload = body === undefined || Buffer.isBuffer(body) ? body : JSON.stringify(body);
      const outgoing = request(
        {
          socketPath: this.socketPath,
          ...options,
          method,
          path: path.startsWith("/libpod") ? `/v4.0.0${path}` : `/v1.41${path}`,
          ...(payload === undefined ? {} : { headers: { "content-type": type } }),
        },
        resolve,
      );
      outgoing.once("error", (cause) => reject(this.#unreachable(cause)));
      outgoing.end(payload);
    });
    const answer = await text(response);
    const status = response.statusCode ?? 0;
    // 304 means that nothing had to change.
    if (status >= 400) throw engineFailed(`${method} ${path.split("?")[0]}`, status, answer);
    return response.headers["content-type"]?.includes("json") === true && answer !== ""
      ? parse(answer)
      : answer;
  }

  /** Attaches to a container that has not started yet: to its input, or to both outputs, multiplexed. */
  attach(id: string, which: "input" | "outputs"): Promise<Socket> {
    const streams = which === "input" ? "stdin=1" : "stdout=1&stderr=1";
    return new Promise((resolve, reject) => {
      const outgoing = request({
        socketPath: this.socketPath,
        method: "POST",
        path: `/v1.41/containers/${id}/attach?stream=1&${streams}`,
        headers: { connection: "Upgrade", upgrade: "tcp" },
        signal: AbortSignal.timeout(timeoutMs),
      });
      outgoing.once("error", (cause) => reject(this.#unreachable(cause)));
      outgoing.once("upgrade", (_response, socket: Socket, head: Buffer) => {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
      });
      outgoing.once("response", (response: IncomingMessage) => {
        void text(response).then(
          (body) => reject(engineFailed("attach", response.statusCode ?? 0, body)),
          reject,
        );
      });
      outgoing.end();
    });
  }

  close(): void {
    this.#agent.destroy();
    this.#waitAgent.destroy();
  }

  #unreachable(cause: Error): HoldfastError {
    return new HoldfastError(
      "jail",
      "unavailable",
      `No container engine answers on ${this.socketPath} (${cause.message}). Start it (podman: systemctl enable --now podman.socket; docker: systemctl enable --now docker), and give this user access to the socket`,
      { statusCode: 503, cause },
    );
  }
}

function engineFailed(what: string, status: number, body: string): HoldfastError {
  const value = parse(body);
  const message = isRecord(value) && typeof value["message"] === "string" ? value["message"] : body;
  return new HoldfastError(
    "jail",
    "engine_failed",
    `The container engine answered ${status} to ${what}: ${message.slice(0, 1_000)}`,
    { statusCode: 503, metadata: { status } },
  );
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // Some engines send errors as plain text.
    return body;
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

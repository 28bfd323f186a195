import { request } from "node:http";
import { json, text } from "node:stream/consumers";

/** Test client of a container engine: Docker's Engine API (v1.41) over a Unix socket, which Podman implements too. */
export class EngineClient {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** Returns the response as JSON, or as text when it is not JSON. Throws for a status of 400 or more. */
  call(method: string, path: string, body?: object | Buffer): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const payload = body === undefined || Buffer.isBuffer(body) ? body : JSON.stringify(body);
      const type = Buffer.isBuffer(body) ? "application/x-tar" : "application/json";
      const outgoing = request(
        { socketPath: this.#socketPath, method, path: `/v1.41${path}`, headers: { "content-type": type } },
        (answer) => {
          const status = answer.statusCode ?? 0;
          const isJson = /json/.test(answer.headers["content-type"] ?? "");
          if (status < 400)
            return resolve(isJson && !path.startsWith("/images") ? json(answer) : text(answer));
          text(answer).then((said) => reject(new Error(`${status} to ${method} ${path}: ${said}`)), reject);
        },
      );
      outgoing.once("error", reject);
      outgoing.end(payload);
    });
  }

  /** Ids of all containers, including stopped ones. */
  async containers(): Promise<string[]> {
    const found = (await this.call("GET", "/containers/json?all=true")) as { readonly Id: string }[];
    return found.map(({ Id }) => Id);
  }

  /** Host addresses and ports at which a container's port ("2468/tcp") is published. */
  async publishedAddresses(id: string, port: string): Promise<string[]> {
    const found = (await this.call("GET", `/containers/${id}/json`)) as {
      readonly NetworkSettings: { readonly Ports: Record<string, { HostIp: string; HostPort: string }[]> };
    };
    return (found.NetworkSettings.Ports[port] ?? []).map(({ HostIp, HostPort }) => `${HostIp}:${HostPort}`);
  }

  /** Resolves with a container's exit code when it has stopped. Without the interval, podman looks without a pause. */
  async wait(id: string): Promise<number> {
    const { StatusCode } = (await this.call("POST", `/containers/${id}/wait?interval=100ms`)) as {
      StatusCode: number;
    };
    return StatusCode;
  }
}

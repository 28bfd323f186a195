import { request } from "node:http";
import { json, text } from "node:stream/consumers";

/** What tests ask a container engine: Docker's Engine API (v1.41) over a Unix socket, which Podman answers too. */
export class EngineRequests {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** Gives the answer as JSON, or its text where it is none. Throws for every status of 400 and more. */
  call(method: string, path: string, body?: object | Buffer): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const payload = body === undefined || Buffer.isBuffer(body) ? body : JSON.stringify(body);
      const type = Buffer.isBuffer(body) ? "application/x-tar" : "application/json";
      const asked = request(
        { socketPath: this.#socketPath, method, path: `/v1.41${path}`, headers: { "content-type": type } },
        (answer) => {
          const status = answer.statusCode ?? 0;
          const isJson = /json/.test(answer.headers["content-type"] ?? "");
          if (status < 400)
            return resolve(isJson && !path.startsWith("/images") ? json(answer) : text(answer));
          text(answer).then((said) => reject(new Error(`${status} to ${method} ${path}: ${said}`)), reject);
        },
      );
      asked.once("error", reject);
      asked.end(payload);
    });
  }

  /** Ids of all containers, also of those that have ended. */
  async containers(): Promise<string[]> {
    const found = (await this.call("GET", "/containers/json?all=true")) as { readonly Id: string }[];
    return found.map(({ Id }) => Id);
  }

  /** Where a port of a container ("2468/tcp") is reached: addresses with their ports. */
  async placesOf(id: string, port: string): Promise<string[]> {
    const found = (await this.call("GET", `/containers/${id}/json`)) as {
      readonly NetworkSettings: { readonly Ports: Record<string, { HostIp: string; HostPort: string }[]> };
    };
    return (found.NetworkSettings.Ports[port] ?? []).map(({ HostIp, HostPort }) => `${HostIp}:${HostPort}`);
  }

  /** Resolves with the exit code of a container when it has ended. */
  async wait(id: string): Promise<number> {
    const { StatusCode } = (await this.call("POST", `/containers/${id}/wait`)) as { StatusCode: number };
    return StatusCode;
  }
}

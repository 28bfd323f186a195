import type { Agent } from "node:http";
import { HoldfastError } from "@holdfast/core";
import { isRecord, readText } from "../internal/http.ts";
import { fetchOver, unixAgent } from "./fetch.ts";

const maxAnswerBytes = 4 * 1_048_576;

/** The Engine API of Docker and Podman over its Unix socket. */
export class EngineApi {
  readonly #fetch: typeof globalThis.fetch;
  readonly #agent: Agent;
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
    this.#agent = unixAgent(socketPath);
    this.#fetch = fetchOver(this.#agent);
  }

  /** The answer, as JSON where it is some. Throws `sandbox.engine_error` with the status in its metadata. */
  async call(method: string, path: string, body?: object): Promise<unknown> {
    let response: Response;
    try {
      response = await this.#fetch(`http://engine/v1.41${path}`, {
        method,
        ...(body === undefined
          ? {}
          : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
      });
    } catch (cause) {
      throw new HoldfastError(
        "sandbox",
        "engine_unreachable",
        `No container engine answers on ${this.#socketPath}: is it running, and may this user open it?`,
        { statusCode: 503, cause },
      );
    }
    const text = await readText(response, maxAnswerBytes);
    // 304 says that there was nothing left to do.
    if (!response.ok && response.status !== 304) throw engineError(method, path, response.status, text);
    // An image pull answers with many lines of JSON; its end is what counts.
    return response.headers.get("content-type")?.includes("json") && !path.startsWith("/images/create")
      ? JSON.parse(text === "" ? "null" : text)
      : text;
  }

  close(): void {
    this.#agent.destroy();
  }
}

function engineError(method: string, path: string, status: number, text: string): HoldfastError {
  let said = text.slice(0, 500);
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value) && typeof value.message === "string") said = value.message;
  } catch {
    // Not every engine answers every error in JSON; then its text is the message.
  }
  const message = `The container engine answered ${status} to ${method} ${path}: ${said}`;
  return new HoldfastError("sandbox", "engine_error", message, { statusCode: 502, metadata: { status } });
}

/** The HTTP status of an `engine_error`. */
export function engineStatus(error: unknown): number | undefined {
  if (!(error instanceof HoldfastError) || error.code !== "engine_error") return undefined;
  return isRecord(error.metadata) && typeof error.metadata.status === "number"
    ? error.metadata.status
    : undefined;
}

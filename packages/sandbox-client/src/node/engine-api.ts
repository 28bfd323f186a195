import type { Agent } from "node:http";
import { HoldfastError } from "@holdfast/core";
import { chunksOf, isRecord, readText } from "../internal/http.ts";
import { fetchOver, unixAgent } from "./fetch.ts";

const maxAnswerBytes = 4 * 1_048_576;
/** As much of the end of a pull as holds its last line. */
const maxLineLength = 65_536;

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

  /** Returns the answer, parsed if it is JSON. Throws `sandbox.engine_error` with the status in its metadata. */
  async call(method: string, path: string, body?: object): Promise<unknown> {
    const response = await this.#send(method, path, body);
    const text = await readText(response, maxAnswerBytes);
    // 304 says that there was nothing left to do.
    if (!response.ok && response.status !== 304) throw engineError(method, path, response.status, text);
    return response.headers.get("content-type")?.includes("json")
      ? JSON.parse(text === "" ? "null" : text)
      : text;
  }

  /** Pulls an image. The engine reports progress in lines of JSON; the last line has the error, if any. */
  async pull(image: string): Promise<void> {
    const path = `/images/create?fromImage=${encodeURIComponent(image)}`;
    const response = await this.#send("POST", path);
    if (!response.ok)
      throw engineError("POST", path, response.status, await readText(response, maxAnswerBytes));
    const decoder = new TextDecoder();
    let end = "";
    try {
      for await (const chunk of chunksOf(response))
        end = (end + decoder.decode(chunk, { stream: true })).slice(-maxLineLength);
    } catch (cause) {
      throw pullError(image, "the connection to it broke", cause);
    }
    const last = parsed(end.trimEnd().split("\n").at(-1) ?? "");
    if (isRecord(last) && typeof last.error === "string") throw pullError(image, last.error);
  }

  async #send(method: string, path: string, body?: object): Promise<Response> {
    try {
      return await this.#fetch(`http://engine/v1.41${path}`, {
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
  }

  close(): void {
    this.#agent.destroy();
  }
}

function pullError(image: string, why: string, cause?: unknown): HoldfastError {
  const message = `The container engine could not pull ${image}: ${why}`;
  return new HoldfastError("sandbox", "engine_error", message, { statusCode: 502, cause });
}

function engineError(method: string, path: string, status: number, text: string): HoldfastError {
  const value = parsed(text);
  // Not every engine answers every error in JSON; then its text is the message.
  const said = isRecord(value) && typeof value.message === "string" ? value.message : text.slice(0, 500);
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

/** Undefined if the text is not JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

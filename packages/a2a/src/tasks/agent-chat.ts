import { parseSseStream } from "@a2a-js/sdk";
import type { Turn, TurnDetails, UiChunk } from "@holdfast/agent";
import { type ActorHandle, createClient } from "@holdfast/client";
import { fromWireError, type HoldfastError, isErrorCode, type ProblemDetails } from "@holdfast/core";
import type { A2aRegistry } from "../options.ts";

/** Headers that describe the request for the A2A server, not its sender. */
const ofTheRequest =
  /^(?:a2a-.*|accept(?:-.*)?|connection|content-.*|host|keep-alive|te|trailer|transfer-encoding|upgrade|x-a2a-.*|x-holdfast-(?!token$).*)$/;

/**
 * The chat of one context with the agent, for the sender of a request. Its calls pass the gateway of the registry with the
 * sender's headers, so that the same hooks decide as for all other clients.
 */
export class AgentChat {
  readonly #handle: ActorHandle;
  readonly #client: { dispose(): Promise<void> };

  constructor(
    registry: A2aRegistry,
    name: string,
    key: readonly string[],
    request: Request,
    creates: boolean,
  ) {
    const client = createClient({
      // Without the defaults of the environment, which may hold credentials of this program.
      ...{ endpoint: new URL(request.url).origin, namespace: "default" },
      headers: Object.fromEntries([...request.headers].filter(([header]) => !ofTheRequest.test(header))),
      fetch: (input, init) => registry.handler(new Request(input, init)),
    });
    this.#client = client;
    this.#handle = creates ? client.getOrCreate(name, key) : client.get(name, key);
  }

  prompt(parts: unknown, id: string): Promise<Turn> {
    return this.#call("prompt", [parts, { id }]);
  }

  turn(turnId: string): Promise<TurnDetails> {
    return this.#call("turn", [turnId]);
  }

  turns(limit: number): Promise<Turn[]> {
    return this.#call("turns", [limit]);
  }

  /** Cancels a turn and waits for its end. */
  async cancel(turnId: string): Promise<void> {
    await this.#call("cancel", [turnId]);
    await this.#call("result", [turnId]);
  }

  answer(approvalId: string, approved: boolean): Promise<unknown> {
    return this.#call("answer", [approvalId, approved ? "once" : "reject"]);
  }

  /** The chunks of a turn from its beginning: to its end, or to a question that waits. */
  async *chunks({ prompt }: TurnDetails): AsyncGenerator<UiChunk> {
    const { id, role, parts } = prompt;
    // The same message again is no other turn, but the stream of its turn.
    const response = await this.#handle.fetch("/chat", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ message: { id, role, parts } }),
    });
    if (!response.ok) throw await errorOf(response);
    for await (const { data } of parseSseStream(response)) {
      if (data === "[DONE]") return;
      yield JSON.parse(data) as UiChunk;
    }
  }

  dispose(): Promise<void> {
    return this.#client.dispose();
  }

  async #call<Result>(name: string, args: readonly unknown[]): Promise<Result> {
    return await this.#handle.action<readonly unknown[], Result>({ name, args });
  }
}

/** The error of a problem document. */
async function errorOf(response: Response): Promise<HoldfastError> {
  const { group, code, detail } = (await response.json()) as ProblemDetails;
  return fromWireError({ group, code, message: detail }, response.status);
}

/** True for the errors of a task that does not exist. */
export function isUnknown(error: unknown): boolean {
  return isErrorCode(error, "agent", "unknown_turn") || isErrorCode(error, "actor", "not_found");
}

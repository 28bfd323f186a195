import { createClient } from "@holdfast/client";
import { HoldfastError, validate } from "@holdfast/core";
import type { McpRegistry } from "../options.ts";
import type { ActorTool } from "./catalog.ts";
import { checkSize, resultJson } from "./result.ts";

/** The actor that a request is for. */
export interface Target {
  readonly name: string;
  readonly key: readonly string[];
}

/** Headers that describe the request for the MCP server, not its sender. */
const ofTheRequest =
  /^(?:accept(?:-.*)?|connection|content-.*|host|keep-alive|last-event-id|mcp-.*|te|trailer|transfer-encoding|upgrade|x-holdfast-(?!token$).*)$/;

/**
 * Calls actions of one actor for the sender of a request. The calls pass the gateway of the registry with the sender's
 * headers, so that the same hooks decide as for all other clients: `access`, `onAuth`, `canInvoke`.
 */
export class ActorCalls {
  readonly #registry: McpRegistry;
  readonly #target: Target;
  readonly #request: Request;
  readonly #creates: boolean;

  constructor(registry: McpRegistry, target: Target, request: Request, creates: boolean) {
    this.#registry = registry;
    this.#target = target;
    this.#request = request;
    this.#creates = creates;
  }

  /** Returns the result, of a stream all items. Throws `mcp.invalid_input`, and what the action throws. */
  async call(
    tool: ActorTool,
    given: unknown,
    signal: AbortSignal,
    onItem: (item: string) => void,
  ): Promise<unknown> {
    const value = tool.isWrapped ? (given as { input?: unknown } | undefined)?.input : (given ?? {});
    const refusal = { group: "mcp", code: "invalid_input", what: `The input of the tool "${tool.name}"` };
    if (tool.input === undefined) {
      if (Object.keys(value ?? {}).length === 0) return await this.#call(tool.action, [], signal, onItem);
      throw new HoldfastError("mcp", "invalid_input", `The tool "${tool.name}" takes no input`, {
        statusCode: 400,
      });
    }
    const input = tool.validates ? await validate(tool.input, value, refusal) : value;
    return await this.#call(tool.action, [input], signal, onItem);
  }

  /** Returns the result of an action without arguments. */
  read(action: string, signal: AbortSignal): Promise<unknown> {
    return this.#call(action, [], signal, () => undefined);
  }

  async #call(
    name: string,
    args: readonly unknown[],
    signal: AbortSignal,
    onItem: (item: string) => void,
  ): Promise<unknown> {
    const client = createClient({
      // Without the defaults of the environment, which may hold credentials of this program.
      ...{ endpoint: new URL(this.#request.url).origin, namespace: "default" },
      headers: this.#senderHeaders(),
      fetch: (input, init) => this.#send(new Request(input, init)),
    });
    try {
      const { name: actor, key } = this.#target;
      const handle = this.#creates ? client.getOrCreate(actor, key) : client.get(actor, key);
      const result = await handle.action({ name, args, signal });
      return result instanceof ReadableStream ? await collect(result, onItem) : result;
    } finally {
      await client.dispose();
    }
  }

  /** As `fetch`: rejects as soon as the request is aborted. */
  #send(request: Request): Promise<Response> {
    const gone = Promise.withResolvers<never>();
    request.signal.addEventListener("abort", () => gone.reject(request.signal.reason), { once: true });
    return Promise.race([this.#registry.handler(request), gone.promise]);
  }

  #senderHeaders(): Record<string, string> {
    return Object.fromEntries([...this.#request.headers].filter(([name]) => !ofTheRequest.test(name)));
  }
}

async function collect(stream: ReadableStream<unknown>, onItem: (item: string) => void): Promise<unknown[]> {
  const items: unknown[] = [];
  let size = 0;
  for await (const item of stream) {
    const text = resultJson(item);
    size += Buffer.byteLength(text);
    checkSize(size);
    items.push(item);
    onItem(text);
  }
  return items;
}

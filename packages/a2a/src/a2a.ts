import { A2A_VERSION_HEADER, formatSSEErrorEvent, formatSSEEvent, SSE_HEADERS } from "@a2a-js/sdk";
import { LegacyJsonRpcTransportHandler } from "@a2a-js/sdk/compat/v0_3/server";
import { RequestMalformedError } from "@a2a-js/sdk/errors";
import { JsonRpcTransportHandler, ServerCallContext, validateVersion } from "@a2a-js/sdk/server";
import { HoldfastError, isHoldfastError, toProblem } from "@holdfast/core";
import { cardJson, cardOf } from "./card.ts";
import { a2aLimits } from "./limits.ts";
import { type A2aOptions, type A2aRegistry, checkOptions } from "./options.ts";
import { AgentChat } from "./tasks/agent-chat.ts";
import { RequestHandler } from "./tasks/request-handler.ts";

/** Serves A2A: an application for `listen({ application })`, Hono, or any other server of `Request` and `Response`. */
export interface A2aServer {
  fetch(request: Request): Promise<Response>;
}

const cardPath = "/.well-known/agent-card.json";
const legacyVersion = "0.3";

/**
 * Serves an agent of a registry to other agents, over the Agent2Agent protocol 1.0 and 0.3: a card, and tasks, each of
 * which is a turn of the agent. Throws `a2a.invalid_definition`.
 */
export function a2a(registry: A2aRegistry, options: A2aOptions): A2aServer {
  checkOptions(registry, options);
  const path = options.path ?? "/a2a";
  return {
    fetch: async (request) => {
      const { pathname, origin } = new URL(request.url);
      const isCard = pathname === cardPath || pathname === `${path}${cardPath}`;
      if (!isCard && pathname !== path) return await otherwise(request, options);
      const card = cardOf(options, `${options.publicUrl ?? origin}${path}`);
      const version = request.headers.get(A2A_VERSION_HEADER) ?? legacyVersion;
      if (isCard) {
        const headers = { "cache-control": "no-cache", vary: A2A_VERSION_HEADER };
        return Response.json(cardJson(card, version === legacyVersion), { headers });
      }
      if (request.method !== "POST") return methodNotAllowed();
      return await answer(registry, options, request, card, version);
    },
  };
}

async function answer(
  registry: A2aRegistry,
  options: A2aOptions,
  request: Request,
  card: ReturnType<typeof cardOf>,
  version: string,
): Promise<Response> {
  const chats: AgentChat[] = [];
  let refusal: unknown;
  const handler = new RequestHandler(
    card,
    async (contextId, creates) => {
      const key = (await options.keyOf?.(contextId, request)) ?? [contextId];
      const chat = new AgentChat(registry, options.agent, key, request, creates);
      chats.push(chat);
      return chat;
    },
    (error) => {
      refusal = error;
    },
  );
  const dispose = async (): Promise<void> => void (await Promise.all(chats.map((chat) => chat.dispose())));
  const isLegacy = version === legacyVersion;
  const errorOf = (error: unknown) =>
    isLegacy
      ? LegacyJsonRpcTransportHandler.mapToLegacyJSONRPCError(error)
      : JsonRpcTransportHandler.mapToJSONRPCError(error);
  let id: unknown = null;
  try {
    const body = await readBody(request);
    id = body.id ?? null;
    validateVersion(version, card, "JSONRPC");
    const context = new ServerCallContext({ requestedVersion: version });
    const rpc = isLegacy ? new LegacyJsonRpcTransportHandler(handler) : new JsonRpcTransportHandler(handler);
    const answered = await rpc.handle(body, context);
    if (!isStream(answered)) {
      await dispose();
      return isHoldfastError(refusal) ? problem(refusal) : Response.json(answered);
    }
    // An error before the first event is an answer without a stream.
    const first = await answered.next();
    return eventStream(first, answered, dispose, (error) => ({ jsonrpc: "2.0", id, error: errorOf(error) }));
  } catch (error) {
    await dispose();
    if (isHoldfastError(refusal)) return problem(refusal);
    if (isHoldfastError(error)) return problem(error);
    return Response.json({ jsonrpc: "2.0", id, error: errorOf(error) });
  }
}

function isStream(answered: object): answered is AsyncGenerator<unknown, void, undefined> {
  return Symbol.asyncIterator in answered;
}

function eventStream(
  first: IteratorResult<unknown, void>,
  events: AsyncGenerator<unknown, void, undefined>,
  dispose: () => Promise<void>,
  failure: (error: unknown) => unknown,
): Response {
  const encoder = new TextEncoder();
  let pending: IteratorResult<unknown, void> | undefined = first;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value, done } = pending ?? (await events.next());
        pending = undefined;
        if (done !== true) return controller.enqueue(encoder.encode(formatSSEEvent(value)));
      } catch (error) {
        controller.enqueue(encoder.encode(formatSSEErrorEvent(failure(error))));
      }
      controller.close();
      await dispose();
    },
    async cancel() {
      await events.return();
      await dispose();
    },
  });
  return new Response(body, { headers: SSE_HEADERS });
}

/** Throws `a2a.request_too_large`, and the protocol's error for what is no JSON. */
async function readBody(request: Request): Promise<Record<string, unknown>> {
  let size = 0;
  const chunks: Uint8Array[] = [];
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > a2aLimits.maxRequestBytes) {
      const message = `A request has at most ${a2aLimits.maxRequestBytes} bytes`;
      throw new HoldfastError("a2a", "request_too_large", message, { statusCode: 413 });
    }
    chunks.push(chunk);
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    if (typeof body === "object" && body !== null && !Array.isArray(body)) return { ...body };
  } catch {
    // The error below says what is wrong.
  }
  throw new RequestMalformedError("The body is no JSON object");
}

async function otherwise(request: Request, { next }: A2aOptions): Promise<Response> {
  if (next !== undefined) return await next.fetch(request);
  return problem(new HoldfastError("a2a", "not_found", "There is nothing at this path", { statusCode: 404 }));
}

function methodNotAllowed(): Response {
  const error = new HoldfastError("a2a", "method_not_allowed", "Send requests with POST", {
    statusCode: 405,
  });
  return problem(error, { allow: "POST" });
}

function problem(error: HoldfastError, headers: Readonly<Record<string, string>> = {}): Response {
  const challenge = error.statusCode === 401 ? { "www-authenticate": "Bearer" } : {};
  return Response.json(toProblem(error), {
    status: error.statusCode,
    headers: { ...headers, ...challenge, "content-type": "application/problem+json" },
  });
}

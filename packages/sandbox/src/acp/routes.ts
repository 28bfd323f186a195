import { isHoldfastError, messageOf } from "@holdfast/core";
import {
  accepts,
  type Exchange,
  readText,
  requireJsonContent,
  sendEmpty,
  sendJson,
} from "../http/exchange.ts";
import { Heartbeat } from "../http/heartbeat.ts";
import { invalid, problem } from "../http/problem.ts";
import type { Route } from "../http/router.ts";
import { parseUint64 } from "../http/uint64.ts";
import { settlesWithin } from "../internal/with-timeout.ts";
import type { SandboxLimits } from "../limits.ts";
import type { AcpInstance } from "./instance.ts";
import type { AcpInstances } from "./instances.ts";
import { type Message, readMessage } from "./message.ts";
import { errorResponse } from "./pending.ts";
import { StreamReader } from "./reader.ts";

/** How long the answer to a request waits for slow streams, so that it does not overtake earlier updates. */
const flushTimeoutMs = 250;
/** How long a delete waits until the agent and its descendants have exited. */
const deleteTimeoutMs = 5_000;

/** ACP over HTTP. Source: the routes of the peer's section 2.3, and its published client. */
export class AcpRoutes {
  readonly #instances: AcpInstances;
  readonly #limits: SandboxLimits;
  readonly #readers = new WeakMap<AcpInstance, Set<StreamReader>>();

  constructor(instances: AcpInstances, limits: SandboxLimits) {
    this.#instances = instances;
    this.#limits = limits;
  }

  routes(): readonly Route[] {
    return [
      { path: "/v1/acp", methods: { GET: (exchange) => this.#list(exchange) } },
      {
        path: "/v1/acp/:serverId",
        methods: {
          POST: (exchange) => this.#post(exchange),
          GET: (exchange) => this.#stream(exchange),
          DELETE: (exchange) => this.#delete(exchange),
        },
      },
    ];
  }

  #list(exchange: Exchange): void {
    const servers = this.#instances.list().map((instance) => ({
      serverId: instance.serverId,
      agent: instance.agentId,
      createdAtMs: instance.createdAtMs,
    }));
    sendJson(exchange.response, { servers });
  }

  async #post(exchange: Exchange): Promise<void> {
    requireJsonContent(exchange);
    if (!accepts(exchange, "application/json")) {
      throw problem("not_acceptable", 406, "the Accept header must allow application/json");
    }
    const serverId = exchange.params.serverId ?? "";
    const message = parseMessage(await readText(exchange, this.#limits.maxJsonBytes));
    const existing = this.#instances.get(serverId) !== undefined;
    const instance = await this.#instances.open(serverId, exchange.query.get("agent"));
    const { response } = exchange;
    const heartbeat = new Heartbeat(response, this.#limits.heartbeatMs);
    if (!existing || instance.uptimeMs === undefined) {
      // A start may first install the agent, which takes minutes, so the answer to a request begins with a heartbeat.
      if (message.kind === "request") heartbeat.startAfter();
      try {
        await this.#bootstrap(instance, !existing);
      } catch (error) {
        heartbeat.stop();
        if (!response.headersSent) throw error;
        heartbeat.end(startFailure(message, error));
        return;
      }
      heartbeat.cancelStart();
    }
    const answer = await instance.send(message, { onForwarded: () => heartbeat.startSoon() });
    if (answer === undefined) {
      sendEmpty(response, 202);
      return;
    }
    await this.#streamsCaughtUp(instance, heartbeat);
    heartbeat.end(answer);
  }

  /**
   * A failed first start is a problem response to its caller. `send` reports a failed restart in the JSON-RPC answer.
   */
  async #bootstrap(instance: AcpInstance, first: boolean): Promise<void> {
    if (!first && instance.wasStarted) return;
    try {
      await instance.start();
    } catch (error) {
      await this.#instances.discard(instance);
      if (isHoldfastError(error)) throw error;
      const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
      const text = `failed to start agent "${instance.agentId}": ${why}`;
      throw problem("stream_error", 502, text, { agent: instance.agentId, details: { message: text } });
    }
  }

  async #stream(exchange: Exchange): Promise<void> {
    if (!accepts(exchange, "text/event-stream")) {
      throw problem("not_acceptable", 406, "the Accept header must allow text/event-stream");
    }
    const after = lastEventId(exchange);
    const instance = await this.#instances.find(exchange.params.serverId ?? "", exchange.signal);
    const { response } = exchange;
    if (response.destroyed) return;
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    response.flushHeaders();
    if (exchange.request.method === "HEAD") {
      response.end();
      return;
    }
    const reader = new StreamReader(instance, response, after, this.#limits);
    const readers = this.#readers.get(instance) ?? new Set();
    this.#readers.set(instance, readers.add(reader));
    response.once("close", () => readers.delete(reader));
    reader.start();
  }

  async #delete(exchange: Exchange): Promise<void> {
    // A process that the kernel cannot end yet must not block the client. Its end continues in the background.
    await settlesWithin(this.#instances.delete(exchange.params.serverId ?? ""), deleteTimeoutMs);
    sendEmpty(exchange.response, 204);
  }

  /** Resolves when the streams have delivered the updates that precede the answer, or after a timeout. */
  async #streamsCaughtUp(instance: AcpInstance, heartbeat: Heartbeat): Promise<void> {
    const readers = this.#readers.get(instance);
    if (!readers || readers.size === 0) return;
    const seq = instance.events.notifiedSeq;
    const behind = [...readers].filter((reader) => !reader.hasDelivered(seq));
    if (behind.length > 0) {
      await settlesWithin(Promise.all(behind.map((reader) => reader.delivered(seq))), flushTimeoutMs);
    }
    await heartbeat.waitForDelivery(Math.max(...[...readers].map((reader) => reader.writtenAt)));
  }
}

/** Formats a failed start as a JSON-RPC error, for an answer whose status has already been sent. */
function startFailure({ idText = "null" }: Message, error: unknown): string {
  if (!isHoldfastError(error)) return errorResponse(idText, messageOf(error), {});
  const { group, code, message } = error;
  return errorResponse(idText, message, { group, code });
}

function parseMessage(text: string): Message {
  let message: Message | undefined;
  try {
    message = readMessage(text);
  } catch (error) {
    throw invalid(`invalid JSON body: ${error instanceof Error ? error.message : "not JSON"}`);
  }
  if (!message) throw invalid("request body must be a JSON-RPC object");
  return message;
}

function lastEventId(exchange: Exchange): number {
  const header = exchange.request.headers["last-event-id"];
  // A client that has received no id yet may send an empty header.
  if (header === undefined || header === "") return 0;
  const id = parseUint64(String(header));
  // The text is the peer's, and its clients are tested with it. Unlike its wording, 0 is accepted.
  if (id === undefined) throw invalid("invalid request: Last-Event-ID must be a positive integer");
  return id;
}

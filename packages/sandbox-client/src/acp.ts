import { HoldfastError, isHoldfastError } from "@holdfast/core";
import { Channel } from "./internal/channel.ts";
import { closedError, exitOf, rpcError } from "./internal/errors.ts";
import { type Http, isRecord, parseAnswer, readText } from "./internal/http.ts";
import { EventStream } from "./internal/stream.ts";
import { clientLimits } from "./limits.ts";
import type {
  AcpConnection,
  AcpOptions,
  CloseReason,
  Envelope,
  RequestOptions,
  RpcErrorObject,
  RpcId,
  RpcMessage,
} from "./types.ts";

/** How long an answer may be ahead of a stream that does not move before it is given out alone. */
const orderPatienceMs = 5_000;
const maxId = 2 ** 30;

/** ACP over the HTTP routes of a sandbox server. */
export class HttpAcpConnection implements AcpConnection {
  readonly serverId: string;
  readonly closed: Promise<CloseReason>;
  readonly #http: Http;
  readonly #options: AcpOptions;
  readonly #path: string;
  readonly #stream: EventStream;
  readonly #channels = new Set<Channel<Envelope>>();
  /** Requests whose answer has not come by the stream yet. */
  readonly #unanswered = new Map<number, (message: RpcMessage | undefined) => void>();
  // Instances outlive connections, and old answers are replayed: ids of two connections should not meet.
  #nextId = 1 + Math.floor(Math.random() * maxId);
  #sending: Promise<void> = Promise.resolve();
  #emitting: Promise<void> = Promise.resolve();
  #last: number;
  #lastEventAt = 0;
  /** The server has the instance: another one under its id would be an agent that knows nothing. */
  #exists: boolean;
  #reason: CloseReason | undefined;
  #settleClosed: (reason: CloseReason) => void = () => {};

  constructor(http: Http, serverId: string, options: AcpOptions) {
    this.#http = http;
    this.serverId = serverId;
    this.#options = options;
    this.#last = options.after ?? 0;
    this.#exists = options.agent === undefined;
    this.#path = `/v1/acp/${encodeURIComponent(serverId)}`;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#stream = new EventStream(
      http,
      {
        path: this.#path,
        after: this.#last,
        reconnectForMs: options.reconnectForMs ?? clientLimits.reconnectForMs,
      },
      { onEvent: (seq, data) => this.#receive(seq, data), onEnd: (reason) => this.#end(reason) },
    );
    // Without an agent the instance must already exist, so its stream can be read immediately.
    if (options.agent === undefined) {
      this.#stream.confirm();
      this.#stream.start();
    }
  }

  async request(method: string, params: unknown, options: RequestOptions = {}): Promise<unknown> {
    const id = this.#nextId;
    this.#nextId += 1;
    const inOrder = new Promise<RpcMessage | undefined>((resolve) => this.#unanswered.set(id, resolve));
    try {
      const message = await this.#exchange({ jsonrpc: "2.0", id, method, params }, inOrder, options.signal);
      if (message.error !== undefined) throw rpcError(message.error);
      return message.result;
    } finally {
      this.#unanswered.delete(id);
    }
  }

  async notify(method: string, params: unknown): Promise<void> {
    await this.#deliver({ jsonrpc: "2.0", method, params });
  }

  async respond(
    id: RpcId,
    answer: { readonly result: unknown } | { readonly error: RpcErrorObject },
  ): Promise<void> {
    await this.#deliver({ jsonrpc: "2.0", id, ...answer });
  }

  envelopes(): AsyncIterableIterator<Envelope> {
    const channel: Channel<Envelope> = new Channel(clientLimits.maxWaitingEnvelopes, () =>
      this.#channels.delete(channel),
    );
    if (this.#reason) channel.end();
    else this.#channels.add(channel);
    return channel;
  }

  async close(): Promise<void> {
    if (this.#reason) return;
    try {
      const answerWithinMs = clientLimits.closeMs;
      const answer = await this.#http.send({ method: "DELETE", path: this.#path, answerWithinMs });
      await answer.body?.cancel();
    } finally {
      this.#end({ kind: "closed" });
    }
  }

  detach(): void {
    this.#end({ kind: "closed" });
  }

  /** Sends something that has no answer; resolves when the server has passed it on. */
  async #deliver(message: RpcMessage): Promise<void> {
    const response = await this.#post(message, undefined);
    await response.body?.cancel();
  }

  /** Sends a request and waits for its answer, and for everything before the answer in the stream. */
  async #exchange(
    message: RpcMessage,
    inOrder: Promise<RpcMessage | undefined>,
    signal: AbortSignal | undefined,
  ): Promise<RpcMessage> {
    const response = await this.#post(message, signal);
    let answer: RpcMessage;
    try {
      answer = asMessage(parseAnswer(await readText(response, clientLimits.maxMessageBytes, signal)));
    } catch (error) {
      if (signal?.aborted || !isHoldfastError(error) || error.code !== "unreachable") throw error;
      // The request was passed on and only its connection broke: the answer still comes by the stream.
      const late = await untilAborted(inOrder, signal);
      if (late) return late;
      throw this.#reason ? closedError(this.#reason, { sent: true }) : error;
    }
    this.#lastEventAt = Date.now();
    await this.#order(inOrder, signal);
    return answer;
  }

  /** Waits for the answer to appear in the stream, while the stream makes progress. */
  async #order(inOrder: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stuck = new Promise<void>((resolve) => {
      const look = () => {
        const idleMs = Date.now() - this.#lastEventAt;
        if (idleMs >= orderPatienceMs) resolve();
        else timer = setTimeout(look, orderPatienceMs - idleMs);
      };
      look();
    });
    try {
      await Promise.race([untilAborted(inOrder, signal), stuck]);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Posts one message. Messages are posted one at a time: each is sent after the status of the previous one confirms
   * its delivery.
   */
  async #post(message: RpcMessage, signal: AbortSignal | undefined): Promise<Response> {
    const before = this.#sending;
    let release = () => {};
    this.#sending = new Promise((resolve) => {
      release = resolve;
    });
    try {
      await untilAborted(patient(before, this.#options.orderForMs), signal);
      await untilAborted(this.#stream.whole(), signal);
      if (this.#reason) throw closedError(this.#reason, { sent: false });
      const raw = JSON.stringify(message);
      await this.#emit({ direction: "to-agent", raw, message });
      if (signal?.aborted) throw signal.reason;
      const response = await this.#send(raw, signal);
      this.#exists = true;
      this.#stream.confirm();
      this.#stream.start();
      return response;
    } finally {
      // An aborted message must not let the next one overtake those before it.
      void before.then(release);
    }
  }

  /** Only the first message names the agent, which creates a missing instance. */
  async #send(body: string, signal: AbortSignal | undefined): Promise<Response> {
    const query = this.#exists ? {} : { agent: this.#options.agent };
    const headers = { "content-type": "application/json", accept: "application/json" };
    try {
      return await this.#http.send({ method: "POST", path: this.#path, query, headers, body, signal });
    } catch (error) {
      // The server asks for the agent because it has no such instance.
      const isGone = this.#exists && isHoldfastError(error) && error.code === "invalid_request";
      if (!isGone) throw error;
      this.#end({ kind: "gone", detail: error.message });
      throw closedError({ kind: "gone", detail: error.message }, { sent: true });
    }
  }

  async #receive(seq: number, data: string): Promise<void> {
    this.#lastEventAt = Date.now();
    let message: RpcMessage;
    try {
      message = asMessage(JSON.parse(data));
    } catch {
      throw new HoldfastError(
        "acp",
        "malformed_event",
        "The sandbox server sent an event that is no message",
        {
          statusCode: 502,
        },
      );
    }
    if (message.method === "_adapter/gap") this.#gap(this.#last + 1, seq);
    else if (seq > this.#last + 1) this.#gap(this.#last + 1, seq - 1);
    this.#last = seq;
    await this.#emit({ direction: "from-agent", raw: data, message, seq });
    if (message.method === "_adapter/agent_exited" && isRecord(message.params)) {
      this.#options.onAgentExit?.(exitOf(message.params, message.params.stderr));
    }
    if (message.method === undefined && typeof message.id === "number")
      this.#unanswered.get(message.id)?.(message);
    this.#lastEventAt = Date.now();
  }

  #gap(from: number, to: number): void {
    this.#options.onGap?.({ from, to });
    // An answer can be in the gap. A caller that has it from the response does not wait for it here.
    for (const settle of this.#unanswered.values()) settle(undefined);
  }

  /** Hands an envelope to the callback and the loops, one envelope at a time. */
  #emit(envelope: Envelope): Promise<void> {
    const emitted = this.#emitting.then(async () => {
      await this.#options.onEnvelope?.(envelope);
      await Promise.all([...this.#channels].map((channel) => channel.push(envelope)));
    });
    // A failing callback fails the message that it was called for, not the ones after it.
    this.#emitting = emitted.catch(() => {});
    return emitted;
  }

  #end(reason: CloseReason): void {
    if (this.#reason) return;
    this.#reason = reason;
    this.#stream.stop();
    for (const settle of this.#unanswered.values()) settle(undefined);
    for (const channel of this.#channels) channel.end();
    this.#channels.clear();
    this.#settleClosed(reason);
  }
}

function asMessage(value: unknown): RpcMessage {
  if (!isRecord(value)) {
    throw new HoldfastError(
      "acp",
      "malformed_event",
      "The sandbox server sent something that is no message",
      {
        statusCode: 502,
      },
    );
  }
  const { id, method, error, ...rest } = value;
  return {
    ...rest,
    ...(typeof id === "string" || typeof id === "number" || id === null ? { id } : {}),
    ...(typeof method === "string" ? { method } : {}),
    ...(isRecord(error) ? { error: asError(error) } : {}),
  };
}

function asError(error: Record<string, unknown>): RpcErrorObject {
  return {
    ...error,
    code: typeof error.code === "number" ? error.code : -32603,
    message: typeof error.message === "string" ? error.message : "The agent gave no reason",
  };
}

/** Resolves with `promise`, or after `ms` if given. */
async function patient(promise: Promise<void>, ms: number | undefined): Promise<void> {
  if (ms === undefined) return await promise;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
  }
}

async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await promise;
  let stop = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

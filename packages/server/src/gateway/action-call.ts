import { Cancellation, type InvokeCall, type ResultStream } from "@holdfast/actors";
import { type ActorTarget, contentType, encodeOutput } from "@holdfast/client";
import type { Directory } from "../directory.ts";
import { tracing } from "../observe/tracing.ts";
import { cancelled, outgoingTooLong } from "../session-errors.ts";
import { type Exchange, replyEncoding, requestHead, visibleError } from "./exchange.ts";
import type { KeyedCalls } from "./keyed-calls.ts";
import { StreamedReply } from "./streamed-reply.ts";

/** What the calls of one gateway have in common. */
export interface ActionCallOwner {
  readonly directory: Directory;
  readonly running: KeyedCalls;
  readonly maxOutgoingBytes: number;
  fail(exchange: Exchange, error: unknown, headers: Readonly<Record<string, string>>): void;
}

/**
 * One call of an action over HTTP, from its request to its answer. It is what the actor is called with,
 * the signal that cancels it, and what takes a result in pieces: each would be an object of its own, and
 * most calls use none of them but the first.
 */
export class ActionCall extends Cancellation implements InvokeCall, ResultStream {
  readonly target: ActorTarget;
  readonly name: string;
  readonly idempotencyKey: string | undefined;
  readonly params: unknown;
  readonly request: () => Request;
  /** What `onAuth` returned. */
  auth: unknown;
  args: readonly unknown[] = [];
  readonly #owner: ActionCallOwner;
  readonly #exchange: Exchange;
  readonly #headers: Readonly<Record<string, string>>;
  #reply: StreamedReply | undefined;

  constructor(
    owner: ActionCallOwner,
    exchange: Exchange,
    headers: Readonly<Record<string, string>>,
    call: {
      readonly target: ActorTarget;
      readonly action: string;
      readonly idempotencyKey: string | undefined;
      readonly params: unknown;
    },
  ) {
    super();
    this.#owner = owner;
    this.#exchange = exchange;
    this.#headers = headers;
    this.target = call.target;
    this.name = call.action;
    this.idempotencyKey = call.idempotencyKey;
    this.params = call.params;
    this.request = requestHead(exchange);
  }

  get signal(): this {
    return this;
  }

  get stream(): this {
    return this;
  }

  begin(): void {
    const { maxOutgoingBytes } = this.#owner;
    const gone = (): void => this.cancel();
    const encoding = replyEncoding(this.#exchange);
    this.#reply = new StreamedReply(this.#exchange, encoding, this.#headers, maxOutgoingBytes, gone);
    this.#reply.begin();
  }

  chunk(value: Uint8Array): Promise<void> | void {
    return this.#reply?.chunk(value);
  }

  cancel(): void {
    this.abort(cancelled());
  }

  /** Calls the action, and answers when it has ended. */
  start(args: readonly unknown[]): void {
    this.args = args;
    const { idempotencyKey } = this;
    // A caller without a key cannot come back for the answer, so that leaving is cancelling.
    if (idempotencyKey === undefined) this.#exchange.onGone(() => this.cancel());
    else this.#owner.running.add(idempotencyKey, this);
    if (tracing.enabled) return this.#startTraced();
    this.#owner.directory.dispatch(this.target, this, (error, result) => this.#ended(error, result));
  }

  /** In a span of the server, below that of the client. */
  #startTraced(): void {
    const { target, name } = this;
    const attributes = { "actor.name": target.name, "rpc.method": name };
    const read = (header: string): string | undefined => this.#exchange.header(header);
    tracing.incoming(`gateway ${target.name}.${name}`, attributes, read, (span) =>
      this.#owner.directory.dispatch(target, this, (error, result) => {
        span.end(result === undefined ? error : undefined);
        this.#ended(error, result);
      }),
    );
  }

  #ended(error: unknown, result: Uint8Array | undefined): void {
    const { directory, running, maxOutgoingBytes } = this.#owner;
    if (this.idempotencyKey !== undefined) running.remove(this.idempotencyKey, this);
    if (this.#reply !== undefined) {
      this.#reply.end(result === undefined ? visibleError(error, directory.ports) : undefined);
    } else if (result === undefined) this.#fail(error);
    else if (result.length > maxOutgoingBytes) this.#fail(outgoingTooLong(maxOutgoingBytes));
    else this.#answer(result);
  }

  #answer(result: Uint8Array): void {
    const encoding = replyEncoding(this.#exchange);
    const type = encoding === "cbor" ? cborHeaders : jsonHeaders;
    const headers = this.#headers === noHeaders ? type : { ...this.#headers, ...type };
    this.#exchange.reply(200, headers, encodeOutput(encoding, result));
  }

  #fail(error: unknown): void {
    this.#owner.fail(this.#exchange, error, this.#headers);
  }
}

/** Of requests from where no browser has to be told anything. */
export const noHeaders: Readonly<Record<string, string>> = {};

const cborHeaders: Readonly<Record<string, string>> = { "content-type": contentType.cbor };
const jsonHeaders: Readonly<Record<string, string>> = { "content-type": contentType.json };

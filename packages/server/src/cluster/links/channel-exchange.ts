import type { HoldfastError } from "@holdfast/core";
import {
  bodyConsumed,
  bodyTooLong,
  type Exchange,
  isBodiless,
  makeRequest,
} from "../../gateway/http/exchange.ts";
import { type CallFrameType, encodeFrame, maxFrameBodyBytes, type RequestHead } from "./call-frames.ts";
import { headerPairs } from "./headers.ts";
import type { LinkExchange } from "./link-exchange.ts";

const empty = new Uint8Array(0);

/** The side of a call channel that answers. */
export interface AnswerSender {
  send(frame: Buffer): void;
  /** Keeps an answer until the caller fetches it over a stream of its own, or has gone. */
  hold(call: number, answer: HeldAnswer): void;
}

export interface HeldAnswer {
  send(exchange: LinkExchange): void;
  drop(): void;
}

/** A call that another node has sent over a call channel. */
export class ChannelExchange implements Exchange {
  readonly #call: number;
  readonly #head: RequestHead;
  readonly #body: Uint8Array;
  readonly #sender: AnswerSender;
  #isRead = false;
  #isAnswered = false;
  #isGone = false;
  #gone: (() => void)[] = [];

  constructor(call: number, head: RequestHead, body: Uint8Array, sender: AnswerSender) {
    this.#call = call;
    this.#head = head;
    this.#body = body;
    this.#sender = sender;
  }

  get method(): string {
    return this.#head.method;
  }

  get url(): string {
    return this.#head.path;
  }

  get peer(): string | undefined {
    return this.#head.peer;
  }

  /** The request was forwarded, and may be sent back. */
  get forwarded(): this {
    return this;
  }

  /** The sender's revision of the leases. */
  get revision(): number {
    return this.#head.revision;
  }

  /** The sender keeps the body. */
  get isRepeatable(): boolean {
    return true;
  }

  misdirect(revision: number): void {
    this.#send("misdirected", { revision });
  }

  header(name: string): string | undefined {
    if (name === "host") return this.#head.authority;
    const value = this.#head.headers[name];
    return typeof value === "object" ? value.join(", ") : value;
  }

  headerPairs(): Iterable<readonly [string, string]> {
    return headerPairs(this.#head.headers);
  }

  headers(): Headers {
    const headers = new Headers();
    for (const [name, value] of this.headerPairs()) headers.append(name, value);
    headers.set("host", this.#head.authority);
    return headers;
  }

  readBody(maxBytes: number, done: (error: HoldfastError | undefined, body: Uint8Array) => void): void {
    if (this.#isRead) return done(bodyConsumed(), empty);
    this.#isRead = true;
    const isTooLong = this.#body.length > maxBytes;
    done(isTooLong ? bodyTooLong(maxBytes) : undefined, isTooLong ? empty : this.#body);
  }

  onGone(callback: () => void): void {
    if (this.#isGone) callback();
    else if (!this.#isAnswered) this.#gone.push(callback);
  }

  /** The caller has cancelled the call, or its node has gone. */
  leave(): void {
    if (this.#isAnswered || this.#isGone) return;
    this.#isGone = true;
    for (const callback of this.#gone.splice(0)) callback();
  }

  reply(
    status: number,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array | string | undefined,
  ): void {
    const kept = isBodiless(this.method, status) ? undefined : body;
    if (kept !== undefined && kept.length > maxFrameBodyBytes) {
      const send = (exchange: LinkExchange): void => exchange.reply(status, headers, kept);
      return this.#hold({ send, drop: () => undefined });
    }
    this.#send("response", { status, headers }, kept);
  }

  request(url: string, signal: AbortSignal, maxBytes: number): Request {
    if (this.#isRead) throw bodyConsumed();
    if (this.#body.length > maxBytes) throw bodyTooLong(maxBytes);
    this.#isRead = true;
    const body = this.#body.length === 0 ? null : new Blob([this.#body as Uint8Array<ArrayBuffer>]).stream();
    return makeRequest(url, { method: this.method, headers: this.headers(), signal, body });
  }

  replyWith(response: Response, headers: Readonly<Record<string, string>>): void {
    if (this.#isAnswered || this.#isGone) {
      response.body?.cancel().catch(() => undefined);
      return;
    }
    this.#hold({
      send: (exchange) => exchange.replyWith(response, headers),
      drop: () => response.body?.cancel().catch(() => undefined),
    });
  }

  #hold(answer: HeldAnswer): void {
    if (this.#isAnswered || this.#isGone) return;
    const gone = this.#gone;
    this.#sender.hold(this.#call, {
      send: (exchange) => {
        for (const callback of gone) exchange.onGone(callback);
        answer.send(exchange);
      },
      drop: () => {
        for (const callback of gone) callback();
        answer.drop();
      },
    });
    this.#send("streamed", undefined);
  }

  #send(type: CallFrameType, head: unknown, body?: Uint8Array | string): void {
    if (this.#isAnswered || this.#isGone) return;
    this.#isAnswered = true;
    this.#gone = [];
    this.#sender.send(encodeFrame(type, this.#call, head, body));
  }
}

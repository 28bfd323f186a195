/** Says to a server of today what a client of an earlier release has said, and compares what it answers. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { inspect, isDeepStrictEqual } from "node:util";
import { decodeValue } from "@holdfast/core";
import { answerOf, type Body, bytesOf, type Exchange } from "./recording.ts";

type OfType<Type extends Exchange["type"]> = Extract<Exchange, { readonly type: Type }>;

/** Frame with which a server begins, and the places of the ids in it: docs/reference/wire.md. */
const init = { number: 0, ids: [2, 3, 4] };
/** Fields of answers that have another value in each run. */
const idFields: ReadonlySet<string> = new Set(["id", "actorId"]);

export class Replay {
  readonly #url: string;
  readonly #sockets: Socket[] = [];
  /** What a server of today calls what had another id when it was recorded. */
  readonly #ids = new Map<string, string>();

  constructor(url: string) {
    this.#url = url;
  }

  async run(exchanges: readonly Exchange[]): Promise<void> {
    for (const [index, exchange] of exchanges.entries()) {
      try {
        await this.#step(exchange);
      } catch (cause) {
        const what = JSON.stringify(exchange).slice(0, 500);
        throw new Error(`Exchange ${index}: ${what}\n${String(cause)}`, { cause });
      }
    }
  }

  async #step(exchange: Exchange): Promise<void> {
    switch (exchange.type) {
      case "request":
        return this.#request(exchange);
      case "open":
        return this.#open(exchange);
      case "sent":
        return this.#socket(exchange.socket).send(bytesOf(exchange.body) ?? "");
      case "received":
        return this.#receive(exchange);
      case "close":
        return this.#socket(exchange.socket).close();
    }
  }

  async #request({ method, path, headers, body, ...recorded }: OfType<"request">): Promise<void> {
    const sent = bytesOf(body);
    const response = await fetch(this.#url + this.#today(path), {
      ...{ method, headers },
      ...(sent === undefined ? {} : { body: sent }),
    });
    const answer = await answerOf(response);
    const { contentType } = recorded;
    assert.deepEqual([response.status, response.headers.get("content-type")], [recorded.status, contentType]);
    if (/^application\/(?:cbor|json|problem\+json)$/.test(contentType ?? ""))
      this.#compare(decodeBody(recorded.answer), decodeBody(answer));
    else assert.deepEqual(answer, recorded.answer);
  }

  async #open({ socket, path, protocols }: OfType<"open">): Promise<void> {
    const url = this.#url.replace(/^http/, "ws") + this.#today(path);
    this.#sockets[socket] = await Socket.open(
      url,
      protocols.map((protocol) => this.#today(protocol)),
      !path.includes("/websocket/"),
    );
  }

  /** Frames, however many of them share a message, or a message of the actor's own protocol. */
  async #receive({ socket, body }: OfType<"received">): Promise<void> {
    const from = this.#socket(socket);
    if (!from.hasFrames) {
      assert.deepEqual(await from.next(), bytesOf(body));
      return;
    }
    for (const frame of decodeBody(body) as readonly unknown[][]) {
      const actual = (await from.next()) as unknown[];
      assert.ok(actual.length >= frame.length, `the frame ${inspect(actual)} is shorter`);
      for (const [place, recorded] of frame.entries()) {
        if (frame[0] === init.number && init.ids.includes(place)) this.#learn(recorded, actual[place]);
        else this.#compare(recorded, actual[place]);
      }
    }
  }

  #socket(number: number): Socket {
    return this.#sockets[number] ?? assert.fail(`Socket ${number} was not opened`);
  }

  #learn(recorded: unknown, actual: unknown): void {
    assert.equal(typeof actual, typeof recorded);
    if (recorded !== actual) this.#ids.set(String(recorded), String(actual));
  }

  #today(text: string): string {
    let today = text;
    for (const [recorded, actual] of this.#ids) today = today.replaceAll(recorded, actual);
    return today;
  }

  /** The same, but for ids, and for fields that came later: clients ignore those that they do not know. */
  #compare(recorded: unknown, actual: unknown): void {
    if (isPlain(recorded) && isPlain(actual)) {
      for (const [field, value] of Object.entries(recorded)) {
        if (idFields.has(field)) this.#learn(value, actual[field]);
        else this.#compare(value, actual[field]);
      }
    } else if (Array.isArray(recorded) && Array.isArray(actual)) {
      assert.equal(actual.length, recorded.length, inspect(actual));
      for (const [place, value] of recorded.entries()) this.#compare(value, actual[place]);
    } else if (!isDeepStrictEqual(actual, recorded)) {
      assert.deepEqual(actual, recorded);
    }
  }
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function decodeBody(body: Body): unknown {
  const bytes = bytesOf(body);
  assert.ok(bytes !== undefined);
  return decodeMessage(bytes);
}

function decodeMessage(message: string | Uint8Array): unknown {
  return typeof message === "string" ? JSON.parse(message) : decodeValue(message);
}

/** A WebSocket whose messages, or frames, are taken one at a time. */
class Socket {
  readonly hasFrames: boolean;
  readonly #socket: WebSocket;
  readonly #received: unknown[] = [];
  #closed: Error | undefined;
  #changed = Promise.withResolvers<void>();

  private constructor(socket: WebSocket, hasFrames: boolean) {
    this.#socket = socket;
    this.hasFrames = hasFrames;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      const message = typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer);
      this.#received.push(...(hasFrames ? (decodeMessage(message) as unknown[]) : [message]));
      this.#changed.resolve();
    });
    socket.addEventListener("close", ({ code, reason }) => {
      this.#closed = new Error(`The socket is closed: ${code} ${reason}`);
      this.#changed.resolve();
    });
  }

  static async open(url: string, protocols: readonly string[], hasFrames: boolean): Promise<Socket> {
    const socket = new Socket(new WebSocket(url, [...protocols]), hasFrames);
    await once(socket.#socket as never, "open");
    return socket;
  }

  send(message: string | Uint8Array<ArrayBuffer>): void {
    this.#socket.send(message);
  }

  async next(): Promise<unknown> {
    while (this.#received.length === 0) {
      if (this.#closed !== undefined) throw this.#closed;
      await this.#changed.promise;
      this.#changed = Promise.withResolvers<void>();
    }
    return this.#received.shift();
  }

  async close(): Promise<void> {
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    const closed = once(this.#socket as never, "close");
    this.#socket.close();
    await closed;
  }
}

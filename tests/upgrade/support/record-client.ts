/** Records what the client of this version says to its server, and what that answers. */
import { createClient } from "holdfast/client";
import { type GoldenRegistry, goldenRegistry } from "./actors.ts";
import { answerOf, bodyOf, type Exchange, encodings, type Recording } from "./recording.ts";

/** `fetch` and `WebSocket` for a client, which record what they carry. */
class Recorder {
  readonly exchanges: Exchange[] = [];
  readonly sockets: WebSocket[] = [];
  /** Bodies are read one after the other, so that the order stays. */
  #written: Promise<void> = Promise.resolve();

  get written(): Promise<void> {
    return this.#written;
  }

  #write(make: () => Promise<Exchange>): void {
    this.#written = this.#written.then(async () => void this.exchanges.push(await make()));
  }

  #path(url: string): string {
    return url.slice(url.indexOf("/", url.indexOf("//") + 2));
  }

  readonly fetch: typeof fetch = async (input, init = {}) => {
    const request = { method: init.method ?? "GET", path: this.#path(String(input)) };
    const headers = Object.fromEntries(new Headers(init.headers));
    const response = await fetch(input, init);
    const copy = response.clone();
    this.#write(async () => ({
      ...{ type: "request", ...request, headers, body: await bodyOf(init.body) },
      ...{ status: copy.status, contentType: copy.headers.get("content-type") },
      answer: await answerOf(copy),
    }));
    return response;
  };

  /** The class that a client is given. */
  socketClass(): typeof WebSocket {
    const recorder = this;
    return class extends WebSocket {
      readonly #socket: number;

      constructor(...[url, protocols]: ConstructorParameters<typeof WebSocket>) {
        super(url, protocols);
        this.#socket = recorder.sockets.push(this) - 1;
        const offered =
          typeof protocols === "string" ? [protocols] : Array.isArray(protocols) ? protocols : [];
        const path = recorder.#path(String(url));
        const opened = { type: "open", socket: this.#socket, path, protocols: offered } as const;
        recorder.#write(async () => opened);
        this.addEventListener("message", ({ data }) => this.#record("received", data));
      }

      override send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void {
        this.#record("sent", data);
        super.send(data);
      }

      override close(code?: number, reason?: string): void {
        recorder.#write(async () => ({ type: "close", socket: this.#socket }));
        super.close(code, reason);
      }

      #record(type: "sent" | "received", data: unknown): void {
        // The bytes of now: the client may use its buffer again.
        const body = bodyOf(
          ArrayBuffer.isView(data)
            ? data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)
            : data,
        );
        recorder.#write(async () => ({ type, socket: this.#socket, body: await body }));
      }
    };
  }
}

/** Values that the encodings carry in different ways. */
const values = [
  ...[null, true, 1.5, 2n ** 70n, "ü", new Date(5), Uint8Array.of(0, 255)],
  ...[new Map([["a", 1]]), new Set([1, 2]), { nested: [["$Date"], undefined] }],
];

function once(target: EventTarget, type: string): Promise<Event> {
  return new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));
}

/** Uses the client as users do, one thing after the other: what happens at once has no order to repeat. */
async function use(url: string, encoding: (typeof encodings)[number], recorder: Recorder): Promise<void> {
  const client = createClient<GoldenRegistry>({
    ...{ endpoint: url, encoding, fetch: recorder.fetch, WebSocket: recorder.socketClass() },
  });
  const refused = (call: Promise<unknown>) =>
    call.then(
      () => Promise.reject(new Error("not refused")),
      () => {},
    );
  const handle = client.room.getOrCreate([encoding, "a,b"], { params: { name: "Ann" } });
  const id = await handle.resolve();
  await handle.say("Hello");
  await handle.echo(...values);
  await handle.doors.close();
  await refused(handle.refuse(3));
  for await (const _number of await handle.count(20)) {
    // All of them.
  }
  await handle.send("letters", { text: "over HTTP" });
  await refused(client.room.create([encoding, "a,b"]));
  await refused(client.room.get([encoding, "nowhere"]).say("Hello"));
  await client.room.getForId(id).echo();
  await (await handle.fetch("path?query", { method: "POST", body: "raw" })).text();
  const raw = await handle.webSocket("echo");
  const echoed = once(raw as unknown as EventTarget, "message");
  raw.send("raw");
  await echoed;
  raw.close();

  const connection = handle.connect();
  const said: string[] = [];
  let heard = Promise.withResolvers<void>();
  connection.on("said", ({ text }) => {
    said.push(text);
    heard.resolve();
  });
  await connection.ready;
  await connection.say("Over the connection");
  await heard.promise;
  await connection.echo(...values);
  await refused(connection.refuse(3));
  for await (const _number of await connection.count(20)) {
    // More than one window of chunks.
  }
  await connection.send("letters", { text: "over the connection" }, { wait: true, timeout: 10_000 });
  // The connection is lost, and what was said meanwhile is heard later.
  heard = Promise.withResolvers<void>();
  const lost = recorder.sockets.at(-1);
  if (lost === undefined) throw new Error("The client has opened no connection");
  const closed = once(lost, "close");
  lost.close(4_000);
  await closed;
  await handle.say("Meanwhile");
  await heard.promise;
  await connection.say("Again");
  await connection.dispose();
  await client.dispose();
  await recorder.written;
  if (said.join() !== "Over the connection,Meanwhile,Again") throw new Error(`It heard ${said.join()}`);
}

export async function recordClient(dataDirectory: string): Promise<Recording> {
  const registry = goldenRegistry(dataDirectory);
  const { url } = await registry.start();
  try {
    const recorded: Record<string, readonly Exchange[]> = {};
    for (const encoding of encodings) {
      const recorder = new Recorder();
      await use(url, encoding, recorder);
      recorded[encoding] = recorder.exchanges;
    }
    return recorded as Recording;
  } finally {
    await registry.shutdown();
  }
}

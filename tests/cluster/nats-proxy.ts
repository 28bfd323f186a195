/** A proxy in front of a NATS server that loses and repeats messages. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface NatsProxy {
  readonly url: string;
  /** Number of messages that were lost, and of those that were sent twice. */
  readonly lost: number;
  readonly repeated: number;
  close(): Promise<void>;
}

/** `copies` says how often the next message to a client arrives. */
export async function startNatsProxy(serverPort: number, copies: () => 0 | 1 | 2): Promise<NatsProxy> {
  const sockets = new Set<Socket>();
  const count = { lost: 0, repeated: 0 };
  const decide = (): number => {
    const number = copies();
    if (number === 0) count.lost++;
    if (number === 2) count.repeated++;
    return number;
  };
  const server = createServer((client) => {
    const upstream = connect(serverPort, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (chunk) => upstream.write(chunk));
    let buffered: Buffer = Buffer.alloc(0);
    upstream.on("data", (chunk: Buffer) => {
      buffered = Buffer.concat([buffered, chunk]);
      for (;;) {
        const frame = nextFrame(buffered);
        if (frame === undefined) return;
        buffered = buffered.subarray(frame.bytes.length);
        const times = frame.isMessage ? decide() : 1;
        for (let at = 0; at < times; at++) client.write(frame.bytes);
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get lost() {
      return count.lost;
    },
    get repeated() {
      return count.repeated;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** The first complete operation of the protocol: a line, for messages followed by their payload. */
function nextFrame(data: Buffer): { readonly bytes: Buffer; readonly isMessage: boolean } | undefined {
  const end = data.indexOf("\r\n");
  if (end < 0) return undefined;
  const words = data.toString("latin1", 0, end).split(" ");
  const isMessage = words[0] === "MSG" || words[0] === "HMSG";
  const length = end + 2 + (isMessage ? Number(words.at(-1)) + 2 : 0);
  return data.length < length ? undefined : { bytes: Buffer.from(data.subarray(0, length)), isMessage };
}

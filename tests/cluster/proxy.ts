/** A network that can be cut: a TCP proxy on loopback. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface Proxy {
  readonly port: number;
  /** From now on nothing passes, and connections stay open, as when a cable is pulled. */
  cut(): void;
  /** Connections that were cut end, and new ones work. */
  heal(): void;
  /** From now on, what the server sends takes this time longer, in milliseconds. */
  delay(ms: number): void;
  close(): Promise<void>;
}

export async function startProxy(targetPort: () => number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let isCut = false;
  let delayMs = 0;
  const server = createServer((near) => {
    sockets.add(near);
    near.on("error", () => undefined);
    if (isCut) return void near.pause();
    const far = connect(targetPort(), "127.0.0.1");
    sockets.add(far);
    far.on("error", () => undefined);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      // In order, also where what came later is delayed less.
      const waiting: { readonly data: Buffer; readonly dueAt: number }[] = [];
      const pass = (): void => {
        for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
          const remainingMs = first.dueAt - performance.now();
          if (remainingMs > 0) return void setTimeout(pass, remainingMs);
          waiting.shift();
          if (!isCut && !to.destroyed) to.write(first.data);
        }
      };
      from.on("data", (data) => {
        waiting.push({ data, dueAt: performance.now() + (from === far ? delayMs : 0) });
        if (waiting.length === 1) pass();
      });
      from.on("close", () => {
        sockets.delete(from);
        if (!isCut) to.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const end = (): void => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      isCut = true;
    },
    heal: () => {
      isCut = false;
      end();
    },
    delay: (ms) => {
      delayMs = ms;
    },
    close: async () => {
      end();
      server.close();
      await once(server, "close");
    },
  };
}

/** A network that can be cut: a TCP proxy on loopback. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface Proxy {
  readonly port: number;
  /** From now on nothing passes, and connections stay open, as when a cable is pulled. */
  cut(): void;
  /** Connections that were cut end, and new ones work. */
  heal(): void;
  close(): Promise<void>;
}

export async function startProxy(targetPort: () => number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let isCut = false;
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
      from.on("data", (data) => {
        if (!isCut) to.write(data);
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
    close: async () => {
      end();
      server.close();
      await once(server, "close");
    },
  };
}

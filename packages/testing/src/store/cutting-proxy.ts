import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { afterTest } from "./after-test.ts";

/**
 * - `before`: the transaction does not reach the server.
 * - `after`: the server commits, and its answer is lost.
 * - `late`: the connection is cut, and the server gets the transaction only when `deliver` is called.
 * - `silent`: nothing passes any more, and the connection stays open.
 */
export type Cut = "before" | "after" | "late" | "silent";

/** A proxy in front of a database server that cuts a connection at a chosen transaction. */
export interface CuttingProxy {
  /** The URL of the server, through the proxy. */
  readonly url: string;
  /** Cuts the connection that carries this commit id. Resolves when it has happened. */
  cut(commitId: string, where: Cut): Promise<void>;
  /** Sends what `late` has held back; resolves when the server has answered. */
  deliver(): Promise<void>;
  /** While true, connections are refused, and the existing ones are cut. */
  refuse(isRefusing: boolean): void;
}

export async function cuttingProxy(t: TestContext, serverUrl: string): Promise<CuttingProxy> {
  const url = new URL(serverUrl);
  const serverPort = Number(url.port);
  const armed = new Map<string, { readonly where: Cut; readonly done: () => void }>();
  const sockets = new Set<Socket>();
  let isRefusing = false;
  let held: (() => Promise<void>) | undefined;

  const server = createServer((client) => {
    if (isRefusing) {
      client.destroy();
      return;
    }
    const upstream = connect(serverPort, "127.0.0.1");
    let dropsAnswers: (() => void) | undefined;
    let isSilent = false;
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => sockets.delete(socket));
    }
    client.on("close", () => {
      if (held === undefined) upstream.end();
    });
    upstream.on("close", () => client.destroy());
    upstream.on("data", (chunk) => {
      if (dropsAnswers === undefined) {
        client.write(chunk);
        return;
      }
      dropsAnswers();
      client.destroy();
    });
    client.on("data", (chunk) => {
      if (isSilent) return;
      const text = chunk.toString("latin1");
      const [id, cut] = [...armed].find(([commitId]) => text.includes(commitId)) ?? [];
      if (id === undefined || cut === undefined) {
        upstream.write(chunk);
        return;
      }
      armed.delete(id);
      switch (cut.where) {
        case "before":
          cut.done();
          client.destroy();
          upstream.destroy();
          break;
        case "after":
          dropsAnswers = cut.done;
          upstream.write(chunk);
          break;
        case "silent":
          isSilent = true;
          cut.done();
          break;
        case "late":
          held = () =>
            new Promise((resolve) => {
              held = undefined;
              upstream.once("data", () => resolve());
              upstream.write(chunk);
            });
          cut.done();
          client.destroy();
          break;
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterTest(t, () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    cut: (commitId, where) =>
      new Promise((resolve) => {
        armed.set(commitId, { where, done: resolve });
      }),
    async deliver() {
      await held?.();
    },
    refuse(refuses) {
      isRefusing = refuses;
      if (refuses) for (const socket of sockets) socket.destroy();
    },
  };
}

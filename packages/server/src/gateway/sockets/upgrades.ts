import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { NodeGateway } from "../http/node-gateway.ts";
import { isRivetUpgrade } from "../rivet/upgrades.ts";
import { actorsPrefix, localPath } from "../route.ts";

type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Any server of `node:http` or `node:https`. */
export interface UpgradingServer {
  on(event: "upgrade", listener: UpgradeListener): unknown;
  listenerCount(event: "upgrade", listener?: UpgradeListener): number;
}

/** A registry that is mounted in a server. */
export interface Mount {
  readonly basePath: string;
  /** Also takes the upgrades of clients of `rivetkit`. */
  readonly rivetClients: boolean;
  readonly open: () => Promise<NodeGateway>;
}

/** One listener for all registries of a server, because it has to know whether an upgrade is for any of them. */
interface Attachment {
  readonly listener: UpgradeListener;
  readonly mounts: Mount[];
}

const attachments = new WeakMap<UpgradingServer, Attachment>();

/**
 * Handles the upgrades below `basePath`. Others are left to the server's other listeners, or refused with 404 if there
 * are none: without a listener, Node would let the server answer them. `open` is called for each of them.
 */
export function attachUpgrades(server: UpgradingServer, mount: Mount): void {
  const attached = attachments.get(server);
  if (attached !== undefined && server.listenerCount("upgrade", attached.listener) > 0) {
    attached.mounts.push(mount);
    return;
  }
  const mounts: Mount[] = [mount];
  const listener: UpgradeListener = (request, socket, head) => {
    const taker = mounts.find((each) => takes(each, request));
    if (taker === undefined && server.listenerCount("upgrade") > 1) return;
    // Node has removed its listener, and nobody has added one yet: an unhandled error would end the process.
    socket.on("error", () => undefined);
    if (taker === undefined) return refuse(socket, "404 Not Found");
    taker.open().then(
      (opened) => opened.upgrade(request, socket, head),
      () => refuse(socket, "503 Service Unavailable"),
    );
  };
  attachments.set(server, { listener, mounts });
  server.on("upgrade", listener);
}

function takes({ basePath, rivetClients }: Mount, request: IncomingMessage): boolean {
  if (localPath(request.url ?? "/", basePath)?.startsWith(actorsPrefix) === true) return true;
  return rivetClients && isRivetUpgrade(request, basePath);
}

/** The server allows half-open sockets: a refused one has to be ended on both sides. */
function refuse(socket: Duplex, status: string): void {
  socket.once("finish", () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

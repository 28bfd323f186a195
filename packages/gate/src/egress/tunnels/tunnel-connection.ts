import { connect, isIPv6, type LookupFunction, type Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import { HoldfastError } from "@holdfast/core";
import type { HostPort } from "../decisions/allowed-hosts.ts";
import { readClientHello } from "./client-hello.ts";

/** Parses "example.com:443", the only form that the target of CONNECT has; undefined for anything else. */
export function parseAuthority(target: string): HostPort | undefined {
  const match = /^([A-Za-z0-9.-]{1,253}):(\d{1,5})$/.exec(target);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port < 1 || port > 65_535) return undefined;
  return { host: match[1].toLowerCase(), port };
}

function refused(message: string): HoldfastError {
  return new HoldfastError("egress", "server_name_mismatch", message, { statusCode: 403 });
}

/**
 * Reads the first bytes of a tunnel until they show a TLS handshake that names `host`, and gives them.
 * Rejects with `egress.server_name_mismatch`.
 */
export function readHello(socket: Socket, first: Buffer, host: string, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let data = first;
    const finish = (settle: () => void) => {
      clearTimeout(timer);
      socket.off("data", take).off("close", ended).off("end", ended);
      socket.pause();
      settle();
    };
    const inspect = (): boolean => {
      const hello = readClientHello(data);
      if (hello.state === "partial") return false;
      finish(() => {
        if (hello.state === "invalid") reject(refused(`The tunnel is refused: ${hello.problem}`));
        else if (hello.name !== host)
          reject(refused("TLS in the tunnel names another server than CONNECT did"));
        else resolve(data);
      });
      return true;
    };
    const take = (chunk: Buffer) => {
      data = Buffer.concat([data, chunk]);
      inspect();
    };
    const ended = () => finish(() => reject(refused("The tunnel ended before it named its server")));
    const timer = setTimeout(
      () => finish(() => reject(refused("The tunnel did not name its server in time"))),
      timeoutMs,
    );
    socket.on("data", take).once("close", ended).once("end", ended);
    if (!inspect()) socket.resume();
  });
}

/** Connects to the first address that answers. Throws `egress.upstream_unreachable`. */
export async function dial(
  addresses: readonly string[],
  { host, port }: HostPort,
  signal: AbortSignal,
): Promise<Socket> {
  let last: unknown;
  for (const address of addresses) {
    try {
      return await connectTo(address, port, signal);
    } catch (error) {
      last = error;
    }
  }
  throw new HoldfastError("egress", "upstream_unreachable", `${host} cannot be reached`, {
    statusCode: 502,
    cause: last,
  });
}

function connectTo(address: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, signal, allowHalfOpen: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

/** Copies bytes in both directions until both sides have ended, one has failed, or nothing was sent for `idleMs`. */
export async function pipeBothWays(inner: Socket, outer: Socket, idleMs: number) {
  const cut = () => {
    inner.destroy();
    outer.destroy();
  };
  inner.setTimeout(idleMs, cut);
  outer.setTimeout(idleMs, cut);
  await Promise.all([pipeline(inner, outer), pipeline(outer, inner)]).catch(cut);
  return { bytesOut: outer.bytesWritten, bytesIn: outer.bytesRead };
}

/** A DNS lookup function that returns these checked addresses without a query. */
export function fixedLookup(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
  return (_host, options, callback) => {
    const [first] = all;
    if (options.all === true) callback(null, all);
    else if (first !== undefined) callback(null, first.address, first.family);
    else callback(Object.assign(new Error("no address"), { code: "ENOTFOUND" }), "", 4);
  };
}

/** Utilities of the server: locks, listening, timeouts. */
import { type BigIntStats, lstatSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import { connect, isIP } from "node:net";
import { HoldfastError } from "@holdfast/core";

/**
 * Listens on a Unix socket that only this user may connect to; replaces a stale socket. Throws
 * `sandbox.address_in_use` for a socket that is or may be in use, and for a path that is not a socket.
 */
export async function bindUnix(server: Server, path: string): Promise<void> {
  const found = statPath(path);
  if (found && !found.isSocket() && !found.isSymbolicLink())
    throw addressInUse(`${path} exists and is not a socket; choose another path`);
  if (found && !(await isAbandoned(path))) throw inUse(path);
  // No await from here to listen, so that another starting server of this process cannot interleave.
  const left = statPath(path);
  if (left && (left.ino !== found?.ino || left.ctimeNs !== found.ctimeNs)) throw inUse(path);
  rmSync(path, { force: true });
  const listening = new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", resolve);
  });
  // The socket is made within this call: with the mask it never exists with more permissions.
  const mask = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(mask);
  }
  await listening;
}

/** Status of a path, with nanoseconds to detect a replacement. */
function statPath(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

export interface TcpAddress {
  readonly host: string;
  readonly port: number;
  readonly allowRemote?: boolean;
}

/** Listens on TCP, on loopback by default; returns the URL. */
export async function listenTcp(server: Server, listen: TcpAddress): Promise<string> {
  if (!isLoopback(listen.host) && !listen.allowRemote) {
    throw new HoldfastError(
      "sandbox",
      "remote_not_allowed",
      `"${listen.host}" can be reached from other machines; listen on 127.0.0.1, or allow that explicitly`,
      { statusCode: 400 },
    );
  }
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(error.code === "EADDRINUSE" ? inUse(`${listen.host}:${listen.port}`) : error),
    );
    server.listen(listen.port, listen.host, resolve);
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : listen.port;
  return `http://${isIP(listen.host) === 6 ? `[${listen.host}]` : listen.host}:${port}`;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function inUse(where: string): HoldfastError {
  return addressInUse(`Something else listens on ${where}`);
}

function addressInUse(why: string): HoldfastError {
  return new HoldfastError("sandbox", "address_in_use", why, { statusCode: 409 });
}

/**
 * Whether a socket is stale. Only a refused connection proves it: a busy server (EAGAIN) and one of another user
 * (EACCES) give errors too.
 */
function isAbandoned(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", ({ code }: NodeJS.ErrnoException) => {
      resolve(code === "ECONNREFUSED" || code === "ENOENT");
    });
  });
}

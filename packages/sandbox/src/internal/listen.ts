import { type BigIntStats, lstatSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import { connect, isIP } from "node:net";
import { HoldfastError } from "@holdfast/core";

/**
 * Listens on a Unix socket that only this user may connect to; replaces one that nobody listens on any more.
 * Throws `sandbox.address_in_use` for one that somebody listens on, or may listen on, and for what is there
 * and is no socket.
 */
export async function bindUnix(server: Server, path: string): Promise<void> {
  const found = statPath(path);
  if (found && !found.isSocket() && !found.isSymbolicLink())
    throw addressInUse(`${path} is there, and is no socket`);
  if (found && !(await isAbandoned(path))) throw inUse(path);
  // From here on nothing is waited for: another server that starts as well cannot put its own there meanwhile.
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

/** What is at a path, with times exact enough to tell it from what was put there in its place. */
function statPath(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

export interface TcpAddress {
  readonly host: string;
  readonly port: number;
  readonly allowRemote?: boolean;
}

/** Listens on TCP, on loopback unless told otherwise; returns the URL. */
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
 * Whether nobody listens on a socket any more. Only a refusal says so: a server that is too busy to take one
 * more connection (EAGAIN), or that belongs to another user (EACCES), answers with an error too.
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

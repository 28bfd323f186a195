import type { Duplex } from "node:stream";

/** Adds the members of a socket that HTTP servers and clients use, and other streams lack. */
export function asSocket(stream: Duplex, remoteAddress?: string): Duplex {
  const ignored = (): Duplex => stream;
  const members = { setNoDelay: ignored, setKeepAlive: ignored, ref: ignored, unref: ignored };
  return Object.assign(stream, members, {
    setTimeout: ignored,
    ...(remoteAddress === undefined ? {} : { remoteAddress }),
  });
}

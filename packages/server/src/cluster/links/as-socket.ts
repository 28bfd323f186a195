import { type Duplex, duplexPair } from "node:stream";
import { pipeline } from "node:stream/promises";

/** Adds the members of a socket that HTTP servers and clients use, and other streams lack. */
export function asSocket(stream: Duplex, remoteAddress?: string): Duplex {
  const ignored = (): Duplex => stream;
  const members = { setNoDelay: ignored, setKeepAlive: ignored, ref: ignored, unref: ignored };
  return Object.assign(stream, members, {
    setTimeout: ignored,
    ...(remoteAddress === undefined ? {} : { remoteAddress }),
  });
}

/**
 * A socket whose bytes go through a stream. Text that Node's HTTP writes to a stream of HTTP/2 directly can arrive with
 * other bytes: between them, it is turned into buffers.
 */
export function pipedSocket(stream: Duplex): Duplex {
  const [near, far] = duplexPair();
  const end = (): void => {
    far.destroy();
    stream.destroy();
  };
  pipeline(stream, far).then(() => undefined, end);
  pipeline(far, stream).then(() => undefined, end);
  return asSocket(near);
}

/**
 * Channel between the host and the process that owns a jail's sockets. A frame has a 4-byte length (little endian, of
 * the rest), a kind byte and a body. Both ends are of the same version, so an invalid frame is a bug and ends the
 * channel.
 */
export const frameKinds = {
  /** Endpoint: the sockets are bound. */
  ready: 1,
  /** Endpoint: a request. Body: {@link packRouted}. */
  request: 2,
  /** Endpoint: a peer was refused. Body: JSON {@link PeerRefused}. */
  refused: 3,
  /** Endpoint: a problem for the host's log. Body: JSON {@link EndpointProblem}. */
  problem: 4,
  /** Host: sets which processes may connect. Body: JSON {@link PeerRule}. */
  peers: 10,
  /** Host: an answer. Body: {@link packRouted}. */
  answer: 11,
  /** Host: an event. Body: {@link packRouted}, with the topic as its id. */
  event: 12,
} as const;

export type FrameKind = (typeof frameKinds)[keyof typeof frameKinds];

/** How to recognise the jail's processes. Null: none, since they have ended. */
export type PeerRule =
  /** The pid namespace, as `pid:[inode]`. */
  | { readonly namespace: string }
  /** A jail that confines nothing: the process, its descendants and its session. */
  | { readonly pid: number }
  /** The gate process that dials for every process of a jail in a virtual machine; anyone where no pid is known. */
  | { readonly relay: number }
  | null;

export interface PeerRefused {
  readonly socket: "request" | "events";
  readonly pid: number;
  readonly uid: number;
  readonly reason: "not_of_the_jail" | "jail_not_running" | "too_many_connections" | "unreadable";
}

export interface EndpointProblem {
  readonly problem: "too_many_connections" | "answer_undelivered" | "slow_reader" | "memory";
  readonly detail: string;
}

const headBytes = 5;
/** Larger than any frame of either side. */
const maxBodyBytes = 8 * 1024 * 1024;

export function packFrame(kind: FrameKind, ...parts: readonly Uint8Array[]): Buffer {
  const head = Buffer.allocUnsafe(headBytes);
  let length = 1;
  for (const part of parts) length += part.length;
  head.writeUInt32LE(length, 0);
  head[4] = kind;
  return Buffer.concat([head, ...parts], length + 4);
}

export function packJson(kind: FrameKind, value: unknown): Buffer {
  return packFrame(kind, Buffer.from(JSON.stringify(value)));
}

/** Encodes an addressed body: `flags` and the length of the id, the id, the bytes. */
export interface Routed {
  /** 1: the message begins with an empty frame, as those of REQ and of most clients do. */
  readonly flags: number;
  readonly id: Buffer;
  readonly bytes: Buffer;
}

export function packRouted(kind: FrameKind, flags: number, id: Uint8Array, bytes: Uint8Array): Buffer {
  return packFrame(kind, Buffer.from([flags, id.length]), id, bytes);
}

export function unpackRouted(body: Buffer): Routed {
  const length = body[1] ?? 0;
  return { flags: body[0] ?? 0, id: body.subarray(2, 2 + length), bytes: body.subarray(2 + length) };
}

/** Splits a stream of bytes into frames. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #length = 0;
  readonly #onFrame: (kind: number, body: Buffer) => void;

  constructor(onFrame: (kind: number, body: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  /** Throws when the stream is invalid. */
  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#needed()) return;
    let data = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#length);
    for (;;) {
      const size = sizeOf(data);
      if (data.length < size) break;
      this.#onFrame(data[4] ?? 0, data.subarray(headBytes, size));
      data = data.subarray(size);
    }
    this.#chunks = data.length === 0 ? [] : [data];
    this.#length = data.length;
  }

  /** Bytes of the first frame, or of its head while the length is unknown. */
  #needed(): number {
    const [first] = this.#chunks;
    return first === undefined || first.length < headBytes ? headBytes : sizeOf(first);
  }
}

function sizeOf(data: Buffer): number {
  if (data.length < headBytes) return headBytes;
  const length = data.readUInt32LE(0);
  if (length < 1 || length > maxBodyBytes) throw new Error(`a frame of ${length} bytes`);
  return 4 + length;
}

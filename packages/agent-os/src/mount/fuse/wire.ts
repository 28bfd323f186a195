/** Messages of the kernel's FUSE protocol, version 7.31 (linux/fuse.h). All numbers are little-endian. */

import { agentOsLimits } from "../../limits.ts";

export const opcode = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  readlink: 5,
  symlink: 6,
  mknod: 8,
  mkdir: 9,
  unlink: 10,
  rmdir: 11,
  rename: 12,
  link: 13,
  open: 14,
  read: 15,
  write: 16,
  release: 18,
  fsync: 20,
  flush: 25,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  create: 35,
  interrupt: 36,
  destroy: 38,
  batchForget: 42,
  rename2: 45,
} as const;

export const rootNode = 1;

/** Bytes that one request or reply may carry. */
export const maxDataBytes = 1_048_576;
/** A request of that size with its headers. */
export const maxRequestBytes = maxDataBytes + 4_096;

export interface FuseRequest {
  readonly opcode: number;
  /** Id of the request; 64 bits. */
  readonly unique: bigint;
  readonly node: number;
  readonly body: Buffer;
}

const requestHeadBytes = 40;
const replyHeadBytes = 16;

export function parseRequest(frame: Buffer): FuseRequest {
  return {
    opcode: frame.readUInt32LE(4),
    unique: frame.readBigUInt64LE(8),
    node: readId(frame, 16),
    body: frame.subarray(requestHeadBytes),
  };
}

/** `errno` is 0 for success. */
export function encodeReply(unique: bigint, errno: number, body: Uint8Array): Buffer {
  const reply = Buffer.allocUnsafe(replyHeadBytes + body.length);
  reply.writeUInt32LE(reply.length, 0);
  reply.writeInt32LE(errno === 0 ? 0 : -errno, 4);
  reply.writeBigUInt64LE(unique, 8);
  reply.set(body, replyHeadBytes);
  return reply;
}

/** Ids and offsets are 64 bits; those that this file system gives out, and sizes of files, are exact as numbers. */
export function readId(from: Buffer, at: number): number {
  return Number(from.readBigUInt64LE(at));
}

/** A name, which ends with a NUL byte. Undefined where it is not UTF-8, as the names of the file API have to be. */
export function readName(from: Buffer, at: number): string | undefined {
  const end = from.indexOf(0, at);
  const bytes = from.subarray(at, end < 0 ? from.length : end);
  const name = bytes.toString("utf8");
  return Buffer.from(name, "utf8").equals(bytes) ? name : undefined;
}

const initFlag = {
  asyncRead: 1 << 0,
  atomicTruncate: 1 << 3,
  bigWrites: 1 << 5,
  autoInvalidate: 1 << 12,
  parallelDirectories: 1 << 18,
  maxPages: 1 << 22,
} as const;

/** The oldest kernel protocol that is spoken. */
const minor = 31;

/** Says that there are more flags. */
const extendedFlags = 1 << 30;
/** Of those: the kernel ends a mount whose helper has left a request without a reply for some seconds (7.43). */
const requestTimeoutFlag = 1 << 10;
/** Longer than the helper takes, which answers for each request in time unless it is stopped itself. */
const requestTimeoutSeconds = agentOsLimits.mountRequestMs / 1_000 + 60;

/** Reply to INIT. Undefined where the kernel is too old. */
export function encodeInit(request: Buffer): Buffer | undefined {
  if (request.readUInt32LE(0) !== 7 || request.readUInt32LE(4) < minor) return undefined;
  const offered = request.readUInt32LE(12);
  const timed =
    (offered & extendedFlags) !== 0 &&
    request.length >= 20 &&
    (request.readUInt32LE(16) & requestTimeoutFlag) !== 0;
  const wanted = Object.values(initFlag).reduce((all, flag) => all | flag, timed ? extendedFlags : 0);
  const reply = Buffer.alloc(64);
  reply.writeUInt32LE(7, 0);
  reply.writeUInt32LE(minor, 4);
  reply.writeUInt32LE(maxDataBytes, 8);
  reply.writeUInt32LE((offered & wanted) >>> 0, 12);
  reply.writeUInt16LE(16, 16);
  reply.writeUInt16LE(12, 18);
  reply.writeUInt32LE(maxDataBytes, 20);
  reply.writeUInt32LE(1, 24);
  reply.writeUInt16LE(maxDataBytes / 4_096, 28);
  if (timed) {
    reply.writeUInt32LE(requestTimeoutFlag, 32);
    reply.writeUInt16LE(requestTimeoutSeconds, 40);
  }
  return reply;
}

export interface Attributes {
  readonly node: number;
  readonly size: number;
  readonly modifiedNs: bigint;
  /** Type and permission bits. */
  readonly mode: number;
}

/** Owner of everything in the mount. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const attributesBytes = 88;
/** Programs write as much at once. */
const blockBytes = 131_072;

function attributes({ node, size, modifiedNs, mode }: Attributes, owner: Owner): Buffer {
  const out = Buffer.alloc(attributesBytes);
  const seconds = modifiedNs / 1_000_000_000n;
  const rest = Number(modifiedNs % 1_000_000_000n);
  out.writeBigUInt64LE(BigInt(node), 0);
  out.writeBigUInt64LE(BigInt(size), 8);
  out.writeBigUInt64LE(BigInt(Math.ceil(size / 512)), 16);
  for (const at of [24, 32, 40]) out.writeBigUInt64LE(seconds, at);
  for (const at of [48, 52, 56]) out.writeUInt32LE(rest, at);
  out.writeUInt32LE(mode, 60);
  out.writeUInt32LE(1, 64);
  out.writeUInt32LE(owner.uid, 68);
  out.writeUInt32LE(owner.gid, 72);
  out.writeUInt32LE(blockBytes, 80);
  return out;
}

/** Attributes that the kernel does not keep. */
export function encodeAttributes(of: Attributes, owner: Owner): Buffer {
  return Buffer.concat([Buffer.alloc(16), attributes(of, owner)]);
}

/** A name that was found, which the kernel looks up again each time. */
export function encodeEntry(of: Attributes, owner: Owner): Buffer {
  const head = Buffer.alloc(40);
  head.writeBigUInt64LE(BigInt(of.node), 0);
  return Buffer.concat([head, attributes(of, owner)]);
}

export function encodeOpen(handle: number): Buffer {
  const out = Buffer.alloc(16);
  out.writeBigUInt64LE(BigInt(handle), 0);
  return out;
}

/** Number of bytes that were written. */
export function encodeWritten(size: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeUInt32LE(size, 0);
  return out;
}

export interface ListedName {
  readonly name: string;
  /** Type bits of the mode. */
  readonly type: number;
}

/** An inode number that the kernel takes for "unknown". */
const unknownInode = 0xffff_ffffn;

/** As many entries from `offset` on as fit. */
export function encodeEntries(entries: readonly ListedName[], offset: number, maxBytes: number): Buffer {
  const parts: Buffer[] = [];
  let size = 0;
  for (let at = offset; at < entries.length; at += 1) {
    const entry = entries[at];
    if (entry === undefined) break;
    const name = Buffer.from(entry.name);
    const part = Buffer.alloc((24 + name.length + 7) & ~7);
    if (size + part.length > maxBytes) break;
    part.writeBigUInt64LE(unknownInode, 0);
    part.writeBigUInt64LE(BigInt(at + 1), 8);
    part.writeUInt32LE(name.length, 16);
    part.writeUInt32LE(entry.type >>> 12, 20);
    part.set(name, 24);
    parts.push(part);
    size += part.length;
  }
  return Buffer.concat(parts);
}

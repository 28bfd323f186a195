import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { isErrorCode } from "@holdfast/core";
import type { Exchange } from "../http/exchange.ts";
import { invalid } from "../http/problem.ts";
import { type ByteRange, checkMatch, isUnchanged, requestedRange } from "./conditions.ts";
import { computeEtag } from "./describe.ts";
import { encodeName, type PathText } from "./paths/names.ts";
import type { Place } from "./paths/paths.ts";
import { open } from "./system.ts";
import { sendFileOfUnknownSize } from "./unknown-size.ts";

const chunkBytes = 256 * 1024;

/** Files up to this size are read synchronously: a few microseconds, less than a trip through the thread pool. */
const smallBytes = 64 * 1024;

/** Content up to this size is cheaper to copy than to send in a write of its own. */
const oneWriteBytes = 8 * 1024;

// O_NONBLOCK: opening a pipe must not wait for its writer; pipes are refused below.
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Sends a small file, read synchronously. Returns false, without an answer, for a large file, for anything
 * that is not a file, and for a file whose content is not as long as its reported size.
 */
export function sendSmallFile(exchange: Exchange, path: PathText): boolean {
  const small = readSmall(path);
  if (small) sendContent(exchange, small.stat, small.content);
  return small !== undefined;
}

/**
 * Sends a file or the requested range of it. `inLine` allows synchronous reads; it must be false for file
 * systems that may stop responding.
 */
export async function sendFile(exchange: Exchange, place: Place, inLine: boolean): Promise<void> {
  if (inLine && sendSmallFile(exchange, place.path)) return;
  const file = await open(place.path, readFlags);
  try {
    const stat = await file.stat({ bigint: true });
    if (!stat.isFile()) throw invalid("path is not a file");
    if (stat.size <= smallBytes) {
      const size = Number(stat.size);
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(size + 1), 0, size + 1, 0);
      if (bytesRead === size) sendContent(exchange, stat, buffer.subarray(0, size));
      else await sendFileOfUnknownSize(exchange, file);
      return;
    }
    const bytes = sendHead(exchange, stat);
    if (bytes) await sendBytes(exchange, file, bytes);
  } finally {
    await file.close();
  }
}

/**
 * Shared read buffer: small contents become a string immediately, so that buffers of their own would only be garbage.
 */
const scratch = Buffer.allocUnsafeSlow(oneWriteBytes + 1);

/**
 * Reads a small file into memory that the next call may reuse; undefined for a large file and for anything
 * that is not a file.
 */
function readSmall(path: PathText): { readonly stat: BigIntStats; readonly content: Buffer } | undefined {
  const file = openSync(encodeName(path), readFlags);
  try {
    const stat = fstatSync(file, { bigint: true });
    if (!stat.isFile() || stat.size > smallBytes) return undefined;
    const size = Number(stat.size);
    const buffer = size <= oneWriteBytes ? scratch : Buffer.allocUnsafe(size + 1);
    // One byte more detects content beyond the reported size.
    if (readSync(file, buffer, 0, size + 1, 0) !== size) return undefined;
    return { stat, content: buffer.subarray(0, size) };
  } finally {
    closeSync(file);
  }
}

/** Sends a file that is in memory, or the requested range of it. */
function sendContent(exchange: Exchange, stat: BigIntStats, whole: Buffer): void {
  const bytes = sendHead(exchange, stat);
  if (!bytes) return;
  const content = whole.subarray(bytes.start, bytes.end + 1);
  // Node sends a string in one write with the head; latin1 maps bytes to characters one to one.
  if (content.length <= oneWriteBytes) exchange.response.end(content.toString("latin1"), "latin1");
  else exchange.response.end(content);
}

/** Sends the head of the answer. Returns the bytes to send, or undefined where the answer is complete. */
function sendHead(exchange: Exchange, stat: BigIntStats): ByteRange | undefined {
  const { request, response } = exchange;
  const [size, etag] = [Number(stat.size), computeEtag(stat)];
  response.setHeader("etag", etag);
  response.setHeader("last-modified", stat.mtime.toUTCString());
  response.setHeader("accept-ranges", "bytes");
  checkMatch(request.headers, etag);
  if (isUnchanged(request.headers, etag)) {
    response.writeHead(304);
    response.end();
    return undefined;
  }
  const range = resolveRange(exchange, size, etag, response);
  const bytes = range ?? { start: 0, end: size - 1 };
  const length = bytes.end - bytes.start + 1;
  response.writeHead(range ? 206 : 200, {
    "content-type": "application/octet-stream",
    "content-length": length,
    ...(range ? { "content-range": `bytes ${range.start}-${range.end}/${size}` } : {}),
  });
  if (request.method !== "HEAD" && length > 0) return bytes;
  response.end();
  return undefined;
}

function resolveRange(
  exchange: Exchange,
  size: number,
  etag: string,
  response: ServerResponse,
): ByteRange | undefined {
  try {
    return requestedRange(exchange.request.headers, size, etag);
  } catch (error) {
    if (isErrorCode(error, "sandbox", "range_not_satisfiable"))
      response.setHeader("content-range", `bytes */${size}`);
    throw error;
  }
}

/**
 * Sends exactly these bytes. If the file shrinks during the transfer, the connection is destroyed, so that the client
 * detects it.
 */
async function sendBytes(exchange: Exchange, file: FileHandle, range: ByteRange): Promise<void> {
  const { response, signal } = exchange;
  if (signal.aborted) return;
  const whole = range.end - range.start + 1;
  // Double buffering: one chunk is read while the other is sent, so that memory is bounded to two chunks.
  const buffers = [Buffer.allocUnsafe(chunkBytes), Buffer.allocUnsafe(chunkBytes)] as const;
  let taken = Promise.resolve();
  let sent = 0;
  for (let turn = 0; sent < whole && !signal.aborted; turn += 1) {
    const buffer = turn % 2 === 0 ? buffers[0] : buffers[1];
    const wanted = Math.min(chunkBytes, whole - sent);
    const { bytesRead } = await file.read(buffer, 0, wanted, range.start + sent);
    if (bytesRead === 0) break;
    sent += bytesRead;
    await taken;
    taken = waitForWrite(response, buffer.subarray(0, bytesRead), signal);
  }
  await taken;
  if (sent === whole) response.end();
  else response.destroy();
}

/** Resolves when the socket has accepted the bytes, or the client has disconnected. */
function waitForWrite(response: ServerResponse, bytes: Buffer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const settle = () => {
      signal.removeEventListener("abort", settle);
      resolve();
    };
    signal.addEventListener("abort", settle, { once: true });
    response.write(bytes, settle);
  });
}

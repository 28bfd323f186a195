import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { isErrorCode } from "@holdfast/core";
import type { Exchange } from "../http/exchange.ts";
import { invalid } from "../http/problem.ts";
import { type ByteRange, checkMatch, isUnchanged, requestedRange } from "./conditions.ts";
import { etagOf } from "./describe.ts";
import { encodeName, type PathText } from "./paths/names.ts";
import type { Place } from "./paths/paths.ts";
import { open } from "./system.ts";
import { sendFileOfUnknownSize } from "./unknown-size.ts";

const chunkBytes = 256 * 1024;

/** Files up to this size are read in line: a few microseconds, where the thread pool takes many. */
const smallBytes = 64 * 1024;

/** Content up to this size costs less to copy than a write of its own. */
const oneWriteBytes = 8 * 1024;

// O_NONBLOCK: opening a pipe must not wait for its writer; it is refused below.
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Answers a small file in line; false, and nothing is done, for what has to be read in pieces, is no
 * file, or has another size than it tells.
 */
export function sendSmallFile(exchange: Exchange, path: PathText): boolean {
  const small = readSmall(path);
  if (small) sendWhole(exchange, small.stat, small.content);
  return small !== undefined;
}

/**
 * Answers the content of a file, or the range of it that was asked for. Nothing is read in line from a
 * file system that may stop to answer.
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
      if (bytesRead === size) sendWhole(exchange, stat, buffer.subarray(0, size));
      else await sendFileOfUnknownSize(exchange, file);
      return;
    }
    const bytes = sendHead(exchange, stat);
    if (bytes) await sendBytes(exchange, file, bytes);
  } finally {
    await file.close();
  }
}

/** What goes out as text is read here and made text at once: memory of its own would be garbage right after. */
const scratch = Buffer.allocUnsafeSlow(oneWriteBytes + 1);

/**
 * A small file as it is at one moment, in memory that the next call may use again; undefined for what has to
 * be read in pieces, or is no file.
 */
function readSmall(path: PathText): { readonly stat: BigIntStats; readonly content: Buffer } | undefined {
  const file = openSync(encodeName(path), readFlags);
  try {
    const stat = fstatSync(file, { bigint: true });
    if (!stat.isFile() || stat.size > smallBytes) return undefined;
    const size = Number(stat.size);
    const buffer = size <= oneWriteBytes ? scratch : Buffer.allocUnsafe(size + 1);
    // One byte more shows content beyond the size.
    if (readSync(file, buffer, 0, size + 1, 0) !== size) return undefined;
    return { stat, content: buffer.subarray(0, size) };
  } finally {
    closeSync(file);
  }
}

/** Answers with a small file, or the range of it that was asked for. */
function sendWhole(exchange: Exchange, stat: BigIntStats, whole: Buffer): void {
  const bytes = sendHead(exchange, stat);
  if (!bytes) return;
  const content = whole.subarray(bytes.start, bytes.end + 1);
  // As text of one byte a character it goes out in one write with the head of the answer.
  if (content.length <= oneWriteBytes) exchange.response.end(content.toString("latin1"), "latin1");
  else exchange.response.end(content);
}

/** Sends the head of the answer; the bytes that are to follow, or undefined where it is complete. */
function sendHead(exchange: Exchange, stat: BigIntStats): ByteRange | undefined {
  const { request, response } = exchange;
  const [size, etag] = [Number(stat.size), etagOf(stat)];
  response.setHeader("etag", etag);
  response.setHeader("last-modified", stat.mtime.toUTCString());
  response.setHeader("accept-ranges", "bytes");
  checkMatch(request.headers, etag);
  if (isUnchanged(request.headers, etag)) {
    response.writeHead(304);
    response.end();
    return undefined;
  }
  const range = rangeOf(exchange, size, etag, response);
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

function rangeOf(
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

/** Sends exactly these bytes; a file that shrank meanwhile breaks the connection instead of ending short. */
async function sendBytes(exchange: Exchange, file: FileHandle, range: ByteRange): Promise<void> {
  const { response, signal } = exchange;
  if (signal.aborted) return;
  const whole = range.end - range.start + 1;
  // One buffer is read into while the other is on its way: what is in flight stays at two chunks.
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
    taken = written(response, buffer.subarray(0, bytesRead), signal);
  }
  await taken;
  if (sent === whole) response.end();
  else response.destroy();
}

/** Resolves when the socket has taken the bytes, or nobody is there to take them. */
function written(response: ServerResponse, bytes: Buffer, signal: AbortSignal): Promise<void> {
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

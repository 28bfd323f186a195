import { type BigIntStats, constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { isErrorCode } from "@holdfast/core";
import type { Exchange } from "../http/exchange.ts";
import { invalid } from "../http/problem.ts";
import { type ByteRange, isUnchanged, requestedRange } from "./conditions.ts";
import { etagOf } from "./describe.ts";
import type { Place } from "./paths.ts";
import { open } from "./system.ts";

const chunkBytes = 256 * 1024;

/** Answers the content of a file, or the range of it that was asked for. */
export async function sendFile(exchange: Exchange, place: Place): Promise<void> {
  // O_NONBLOCK: opening a pipe must not wait for its writer; it is refused below.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(place.path, flags);
  try {
    const stat = await file.stat({ bigint: true });
    if (!stat.isFile()) throw invalid("path is not a file");
    await answer(exchange, file, stat);
  } finally {
    await file.close();
  }
}

async function answer(exchange: Exchange, file: FileHandle, stat: BigIntStats): Promise<void> {
  const { request, response } = exchange;
  const [size, etag] = [Number(stat.size), etagOf(stat)];
  response.setHeader("etag", etag);
  response.setHeader("last-modified", stat.mtime.toUTCString());
  response.setHeader("accept-ranges", "bytes");
  if (isUnchanged(request.headers, etag)) {
    response.writeHead(304);
    response.end();
    return;
  }
  const range = rangeOf(exchange, size, etag, response);
  const bytes = range ?? { start: 0, end: size - 1 };
  const length = bytes.end - bytes.start + 1;
  response.writeHead(range ? 206 : 200, {
    "content-type": "application/octet-stream",
    "content-length": length,
    ...(range ? { "content-range": `bytes ${range.start}-${range.end}/${size}` } : {}),
  });
  if (request.method === "HEAD" || length === 0) response.end();
  else await sendBytes(exchange, file, bytes);
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
  if (whole <= chunkBytes) {
    const buffer = Buffer.allocUnsafe(whole);
    const { bytesRead } = await file.read(buffer, 0, whole, range.start);
    if (bytesRead === whole) {
      response.end(buffer);
      return;
    }
  }
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

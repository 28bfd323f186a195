import type { Readable, Writable } from "node:stream";
import { HoldfastError } from "@holdfast/core";
import { serverLimits } from "../../limits.ts";
import { bodyTooLong } from "./exchange.ts";

/** The body of a request as a stream with backpressure. */
export function bodyStream(request: Readable, maxBytes: number): ReadableStream<Uint8Array> {
  let size = 0;
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  const rest = (): void => clearTimeout(timer);
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        const fail = (error: HoldfastError): void => {
          if (ended) return;
          ended = true;
          rest();
          request.pause();
          controller.error(error);
        };
        const wait = (): void => {
          rest();
          timer = setTimeout(
            () => fail(bodyTimedOut(serverLimits.bodyIdleTimeoutMs)),
            serverLimits.bodyIdleTimeoutMs,
          );
          timer.unref();
        };
        request.on("data", (chunk: Buffer) => {
          if (ended) return;
          size += chunk.length;
          if (size > maxBytes) return fail(bodyTooLong(maxBytes));
          rest();
          request.pause();
          // Last, because a waiting reader pulls more immediately.
          controller.enqueue(new Uint8Array(chunk));
        });
        request.once("end", () => {
          if (ended) return;
          ended = true;
          rest();
          controller.close();
        });
        request.once("close", () => fail(clientLeft()));
        request.on("resume", wait);
        request.pause();
      },
      pull: () => {
        request.resume();
      },
      cancel: () => {
        ended = true;
        rest();
      },
    },
    { highWaterMark: 0 },
  );
}

/**
 * Writes a body with backpressure; resolves when it has ended or the client has disconnected. A body that fails, or
 * whose length differs from the declared one, ends the connection, so that the client cannot take a part for the
 * complete body.
 */
export async function writeBody(
  body: ReadableStream<Uint8Array>,
  response: Writable,
  declared: number | undefined,
): Promise<void> {
  const reader = body.getReader();
  const leave = (): void => void reader.cancel(clientLeft()).catch(() => undefined);
  response.once("close", leave);
  let sent = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (response.destroyed) return;
      if (done) break;
      sent += value.length;
      if (declared !== undefined && sent > declared) throw new RangeError("the body is longer than declared");
      if (!response.write(value)) await writable(response);
    }
    if (declared !== undefined && sent < declared) throw new RangeError("the body is shorter than declared");
    response.removeListener("close", leave);
    // Ending a corked response would lose chunks that wait.
    while (response.writableCorked > 0) response.uncork();
    response.end();
  } catch {
    // Writes what came before the failure first, so that the client sees where the body was cut off.
    // The error makes an HTTP/2 stream end as one that failed; on HTTP/1.1 the connection ends.
    setImmediate(() => response.once("error", () => undefined).destroy(new Error("the body failed")));
  }
}

/** Resolves when the response accepts more, or is closed. */
function writable(response: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.removeListener("drain", done);
      response.removeListener("close", done);
      resolve();
    };
    response.once("drain", done);
    response.once("close", done);
  });
}

export function bodyTimedOut(timeoutMs: number): HoldfastError {
  const message = `The body did not arrive within ${timeoutMs} ms`;
  return new HoldfastError("gateway", "body_timed_out", message, { statusCode: 408 });
}

/** The error for a body whose client has disconnected. */
export function clientLeft(): HoldfastError {
  return new HoldfastError("action", "aborted", "The client has disconnected", { statusCode: 499 });
}

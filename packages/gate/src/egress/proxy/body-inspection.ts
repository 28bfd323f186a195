/** Inspects bodies for a field that overrides the method of the request (`_method=DELETE`). */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { HoldfastError } from "@holdfast/core";
import { type Admitted, forbiddenMethod } from "../decisions/decide-by-path.ts";
import { HiddenPartError, type OverrideScanner, overrideScanner } from "./override-scanner.ts";

/** Read of a body before its request is sent. Nearly every form is smaller, and is then refused before anything leaves. */
const inspectedBytes = 64 * 1024;

/** Records a refusal and gives its error. */
type Deny = (code: string, status: number, message: string) => HoldfastError;

/**
 * Reads up to 64 KiB of an allowed request's body and checks its fields. Returns the complete body, or a stream that
 * continues after the bytes read; undefined for a type in which no server reads fields. A stream that is refused later
 * fails, so that the server never receives the complete body. Rejects with an error of `deny`.
 */
export async function inspectBody(
  request: IncomingMessage,
  response: ServerResponse,
  admitted: Admitted,
  deny: Deny,
): Promise<Buffer | Readable | undefined> {
  const { "content-type": type, "content-encoding": encoding = "identity", expect } = request.headers;
  const scanner = admitted.upstream.provider === "none" ? overrideScanner(type) : undefined;
  if (scanner === undefined || !hasBody(request)) return undefined;
  // JSON may be compressed: no server is known that takes a method from compressed JSON.
  if (encoding !== "identity" && /urlencoded|multipart/i.test(type ?? ""))
    throw deny("encoded_request", 415, "The form is compressed, so it could hide a method. Send it as it is");
  if (expect !== undefined) response.writeContinue();
  return readInspected(request, (chunk) => {
    const why = forbiddenMethod(admitted, methodsIn(chunk, scanner, deny), "body");
    if (why !== undefined) throw deny("not_allowed", 403, why);
  });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

function methodsIn(chunk: Buffer | undefined, scanner: OverrideScanner, deny: Deny): string[] {
  try {
    return chunk === undefined ? scanner.end() : scanner.push(chunk);
  } catch (error) {
    if (!(error instanceof HiddenPartError)) throw error;
    throw deny("ambiguous_request", 400, "A part of the form has a content-disposition of more than 8 KiB");
  }
}

/** Calls `inspect` with each chunk before it is passed on, and with undefined at the end. An error of `inspect` ends the body. */
async function readInspected(
  request: IncomingMessage,
  inspect: (chunk: Buffer | undefined) => void,
): Promise<Buffer | Readable> {
  const chunks = request.iterator({ destroyOnReturn: false });
  const next = async (): Promise<IteratorResult<Buffer, undefined>> => {
    const chunk = (await chunks.next()) as IteratorResult<Buffer, undefined>;
    inspect(chunk.value);
    return chunk;
  };
  const stop = async () => {
    await chunks.return?.();
    return { done: true, value: undefined } as const;
  };
  const beginning: Buffer[] = [];
  try {
    for (let bytes = 0; bytes < inspectedBytes; ) {
      const { done, value } = await next();
      if (done === true) return Buffer.concat(beginning);
      beginning.push(value);
      bytes += value.length;
    }
  } catch (error) {
    await stop();
    throw error;
  }
  let ended = false;
  const whole: AsyncIterableIterator<Buffer, undefined> = {
    // The latest chunk waits for the one behind it: a field may be complete only with the end of the body.
    next: async () => {
      if (!ended && beginning.length === 1) {
        const { done, value } = await next();
        if (done === true) ended = true;
        else beginning.push(value);
      }
      const value = beginning.shift();
      return value === undefined ? stop() : { value };
    },
    return: stop,
    [Symbol.asyncIterator]: () => whole,
  };
  return Readable.from(whole, { objectMode: false });
}

import { pipeline, Readable, type Transform } from "node:stream";
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
} from "node:zlib";
import { contentCodings } from "@holdfast/core";

/**
 * A response as `fetch` returns it: its body is decompressed, and its headers stay. Decoding errors occur while the
 * body is read.
 */
export function decodedAsByFetch(response: Response): Response {
  const { body, headers, status, statusText } = response;
  const decoders = contentCodings(headers).toReversed().map(decoderOf);
  const last = decoders.at(-1);
  if (body === null || last === undefined) return response;
  // An error in any stage ends the last one, which reports it to the reader.
  const source = Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]);
  pipeline([source, ...decoders], () => undefined);
  const decoded = Readable.toWeb(last) as ReadableStream<Uint8Array<ArrayBuffer>>;
  return new Response(decoded, { status, statusText, headers });
}

function decoderOf(coding: string): Transform {
  switch (coding) {
    case "br": {
      const flush = constants.BROTLI_OPERATION_FLUSH;
      return createBrotliDecompress({ flush, finishFlush: flush });
    }
    case "zstd":
      return createZstdDecompress({ flush: constants.ZSTD_e_continue, finishFlush: constants.ZSTD_e_end });
    default: {
      // Chunks are passed on as they arrive, and a truncated body yields what could be decoded.
      const eager = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH };
      return coding === "deflate" ? createInflate(eager) : createGunzip(eager);
    }
  }
}

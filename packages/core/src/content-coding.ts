/** What `fetch` undoes of an answer: https://fetch.spec.whatwg.org/#handle-content-codings. */
const codings: ReadonlySet<string> = new Set(["gzip", "x-gzip", "deflate", "br", "zstd"]);

/** The codings of a body that `fetch` undoes, in the order in which they were applied; none where it knows not all. */
export function contentCodings(headers: Headers): readonly string[] {
  const named = headers.get("content-encoding")?.toLowerCase().split(",") ?? [];
  const trimmed = named.map((coding) => coding.trim());
  return trimmed.every((coding) => codings.has(coding)) ? trimmed : [];
}

/**
 * The headers of an answer with its body as it is. One that `fetch` gave was decoded on its way in, and its headers
 * speak of the bytes before that. The very same headers where there is nothing to change.
 */
export function decodedHeaders({ url, body, headers }: Response): Headers {
  if (url === "" || body === null || contentCodings(headers).length === 0) return headers;
  const decoded = new Headers(headers);
  decoded.delete("content-encoding");
  decoded.delete("content-length");
  return decoded;
}

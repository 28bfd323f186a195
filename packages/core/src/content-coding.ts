/** Content codings that `fetch` decodes: https://fetch.spec.whatwg.org/#handle-content-codings. */
const codings: ReadonlySet<string> = new Set(["gzip", "x-gzip", "deflate", "br", "zstd"]);

/**
 * Content codings of a body in the order of their application. Empty when `fetch` does not know one of them, as it
 * then decodes none.
 */
export function contentCodings(headers: Headers): readonly string[] {
  const header = headers.get("content-encoding")?.toLowerCase().split(",") ?? [];
  const names = header.map((coding) => coding.trim());
  return names.every((coding) => codings.has(coding)) ? names : [];
}

/**
 * Headers of a response that match its decoded body: those from `fetch` describe the encoded bytes. Returns the same
 * object when nothing changes.
 */
export function decodedHeaders({ url, body, headers }: Response): Headers {
  if (url === "" || body === null || contentCodings(headers).length === 0) return headers;
  const decoded = new Headers(headers);
  decoded.delete("content-encoding");
  decoded.delete("content-length");
  return decoded;
}

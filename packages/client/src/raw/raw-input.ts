import { rawPath } from "../network/address.ts";
import type { SkipReadyWait } from "../types.ts";

/** What `handle.fetch` was given. */
export interface RawInput {
  /** Path and query; begins with a slash. */
  readonly path: string;
  /** Of a URL or Request: its actor sees this origin, whatever server it is reached through. */
  readonly origin: string | undefined;
  readonly init: RequestInit;
  readonly skipReadyWait: boolean | undefined;
  /** Its body can be sent a second time. */
  readonly repeatable: boolean;
}

/** https://fetch.spec.whatwg.org/#forbidden-method. */
const unsupported: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);

/** Requests are taken by their members: those of another realm or library are no instances of ours. */
export function readRawInput(input: string | URL | Request, options: RequestInit & SkipReadyWait): RawInput {
  const { skipReadyWait, ...rest } = options;
  // The members of a Request lie on its prototype, where a spread does not find them.
  const given = isRequest(options) ? partsOf(options) : rest;
  if (!isRequest(input)) {
    const repeatable = !(given.body instanceof ReadableStream);
    const origin = input instanceof URL ? originOf(input.href) : undefined;
    return { path: rawPath(input), origin, init: checked(given), skipReadyWait, repeatable };
  }
  const own = given.body == null ? partsOf(input) : partsOf(input, false);
  const headers = new Headers(own.headers);
  for (const [name, value] of new Headers(given.headers)) headers.set(name, value);
  const init = checked({ ...own, ...given, headers });
  const repeatable = !(init.body instanceof ReadableStream);
  return { path: rawPath(input.url), origin: originOf(input.url), init, skipReadyWait, repeatable };
}

/** What `fetch` refuses is refused alike by every driver. Names of methods are upper-case on the wire. */
function checked(init: RequestInit): RequestInit {
  const method = init.method?.toUpperCase() ?? "GET";
  if (unsupported.has(method)) throw new TypeError(`The HTTP method "${method}" is not supported`);
  if ((method === "GET" || method === "HEAD") && init.body != null) {
    throw new TypeError("A GET or HEAD request has no body");
  }
  return init.method === undefined ? init : { ...init, method };
}

function isRequest(value: unknown): value is Request {
  if (typeof value !== "object" || value === null) return false;
  return ["url", "method"].every((name) => typeof Reflect.get(value, name) === "string");
}

function partsOf(request: Request, withBody = true): RequestInit {
  const { method, headers, body, signal, redirect, credentials } = request;
  const own: RequestInit = { method, headers, signal, redirect, credentials };
  if (!withBody || body === null) return own;
  if (request.bodyUsed) throw new TypeError("The body of this Request was read already");
  return { ...own, body };
}

function originOf(url: string): string | undefined {
  const { protocol, origin } = new URL(url);
  return protocol === "http:" || protocol === "https:" ? origin : undefined;
}

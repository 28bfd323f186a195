/** HTTP plugin: requests to allowed hosts. */
import type {
  CoreServices,
  PluginContext,
  PluginHandler,
  PluginServices,
  ToolInvocationResult,
} from "@holdfast/gate/plugin";
import { ToolError } from "@holdfast/gate/plugin";
import { readBody } from "./body.ts";

const limits = {
  redirects: 5,
  headers: 20,
  headerCharacters: 1_024,
  sentBytes: 100 * 1024,
  bodyBytes: 256 * 1024,
  maxBodyBytes: 512 * 1024,
} as const;

/** Request headers that agents may set: content negotiation, but no credentials. */
const allowedRequestHeaders: ReadonlySet<string> = new Set([
  "accept",
  "accept-language",
  "content-language",
  "content-type",
  "idempotency-key",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-unmodified-since",
  "prefer",
  "range",
]);

const returnedResponseHeaders = [
  "age",
  "allow",
  "cache-control",
  "content-disposition",
  "content-language",
  "content-range",
  "content-type",
  "date",
  "etag",
  "expires",
  "last-modified",
  "link",
  "retry-after",
] as const;

/** Errors of the proxy after which the upstream may have received the request. */
const ambiguousErrors: ReadonlySet<string> = new Set([
  "egress.encoded_answer",
  "egress.internal_error",
  "egress.redirect_refused",
  "egress.upstream_interrupted",
  "egress.upstream_timed_out",
  "egress.upstream_unreachable",
  "egress.upstream_upgraded",
]);

function refused(message: string, field?: string): ToolError {
  return new ToolError({ code: "HANDLER_ERROR", message, field });
}

interface HttpRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer<ArrayBuffer>;
  readonly maxBytes: number;
  readonly follow: boolean;
  readonly signal: AbortSignal | undefined;
}

/** HTTP tools. Every request goes through the gate's proxy, which checks each address, redirects included. */
class HttpHandler implements PluginHandler {
  /** Loopback address of the proxy; undefined when the operator allows no host. */
  #web: string | undefined;

  async initialize(services: CoreServices & Partial<PluginServices>): Promise<void> {
    this.#web = services.egress?.["web"];
  }

  async handleToolInvocation(
    tool: string,
    args: Record<string, unknown>,
    { signal }: PluginContext,
  ): Promise<ToolInvocationResult> {
    if (tool !== "http_fetch" && tool !== "http_send") throw refused(`Unknown tool: "${tool}"`);
    const send = tool === "http_send";
    const body = send ? parseBody(args) : undefined;
    const type = args["encoding"] === "base64" ? "application/octet-stream" : "text/plain; charset=utf-8";
    const maxBytes = typeof args["max_bytes"] === "number" ? args["max_bytes"] : limits.bodyBytes;
    const result = await this.#fetch({
      url: parseUrl(args["url"]),
      method: String(args["method"] ?? "GET"),
      headers: { ...(body === undefined ? {} : { "content-type": type }), ...parseHeaders(args["headers"]) },
      ...(body === undefined ? {} : { body }),
      maxBytes: Math.min(maxBytes, limits.maxBodyBytes),
      // Refuses redirects of approved requests: a person approved this address only.
      follow: !send,
      signal,
    });
    return { ok: true, result };
  }

  async #fetch(request: HttpRequest): Promise<Record<string, unknown>> {
    let { url } = request;
    for (let redirects = 0; ; redirects += 1) {
      const response = await this.#fetchOnce(url, request);
      const next = this.#redirect(response);
      if (next === undefined || !request.follow) {
        const redirectTarget = next === undefined ? {} : { location: next.href };
        return {
          url: url.href,
          status: response.status,
          ...(await toResult(response, request)),
          ...redirectTarget,
        };
      }
      await response.body?.cancel();
      if (redirects >= limits.redirects) throw refused(`More than ${limits.redirects} redirects`, "url");
      url = next;
    }
  }

  async #fetchOnce(url: URL, { method, headers, body, signal }: HttpRequest): Promise<Response> {
    if (this.#web === undefined) throw refused("The operator has not allowed any host", "url");
    const { protocol, host, pathname, search } = url;
    let response: Response;
    try {
      response = await fetch(`${this.#web}/${protocol.slice(0, -1)}/${host}${pathname}${search}`, {
        method,
        headers,
        redirect: "manual",
        ...(body === undefined ? {} : { body }),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (error) {
      if (signal?.aborted === true) throw refused("The call was cancelled");
      throw error;
    }
    await throwRefusal(response, method);
    return response;
  }

  /** Target of a redirect, which the proxy rewrites to a path of its own. */
  #redirect(response: Response): URL | undefined {
    const location = response.headers.get("location");
    if (response.status < 300 || response.status > 399 || location === null) return undefined;
    const match = /^\/web\/(https?)\/([^/]+)(\/.*)?$/.exec(location);
    return match === null ? undefined : parseUrl(`${match[1]}://${match[2]}${match[3] ?? "/"}`);
  }

  async shutdown(): Promise<void> {}
}

/**
 * Converts the gate's own refusals to errors. They have a Content-Length, which the proxy strips from upstream
 * responses.
 */
async function throwRefusal(response: Response, method: string): Promise<void> {
  const { status, headers } = response;
  if (status < 400 || !headers.has("x-should-retry") || !headers.has("content-length")) return;
  const problem: unknown = await response
    .clone()
    .json()
    .catch(() => undefined);
  const error: unknown = Reflect.get(Object(problem), "error");
  const code: unknown = Reflect.get(Object(error), "code");
  if (typeof code !== "string" || !code.startsWith("egress.")) return;
  await response.body?.cancel();
  const message = `${code}: ${String(Reflect.get(Object(error), "message")).slice(0, 500)}`;
  // A write may have been executed before it failed: only reads are safe to retry.
  if (ambiguousErrors.has(code) && method !== "GET" && method !== "HEAD") {
    throw new ToolError({
      code: "HTTP_UNCERTAIN",
      message: `${message}. The request may have been executed: check before you repeat it`,
      field: "url",
    });
  }
  throw new ToolError({ code: "HANDLER_ERROR", message, field: "url", retriable: status >= 500 });
}

function parseUrl(value: unknown): URL {
  const text = String(value);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw refused("The URL must be http or https", "url");
  }
  if (url.username !== "" || url.password !== "")
    throw refused("The URL must not contain a user name or password", "url");
  url.hash = "";
  return url;
}

function parseHeaders(value: unknown): Record<string, string> {
  const headers: Record<string, string> = {};
  const entries = Object.entries(Object(value ?? {}));
  if (entries.length > limits.headers)
    throw refused(`A request has at most ${limits.headers} headers`, "headers");
  for (const [given, each] of entries) {
    const name = given.toLowerCase();
    if (!allowedRequestHeaders.has(name)) {
      throw refused(`Only these headers can be set: ${[...allowedRequestHeaders].join(", ")}`, "headers");
    }
    if (typeof each !== "string" || each.length > limits.headerCharacters || !/^[\x20-\x7e]*$/.test(each)) {
      throw refused(`The header ${name} must be a string of printable characters`, "headers");
    }
    headers[name] = each;
  }
  return headers;
}

function parseBody({ body, encoding }: Record<string, unknown>): Buffer<ArrayBuffer> | undefined {
  if (body === undefined) return undefined;
  const text = String(body);
  const base64 = encoding === "base64";
  if (base64 && (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0)) {
    throw refused("The body is not base64", "body");
  }
  const bytes = Buffer.from(text, base64 ? "base64" : "utf8");
  if (bytes.length > limits.sentBytes)
    throw refused(`A body is limited to ${limits.sentBytes} bytes`, "body");
  return bytes;
}

async function toResult(response: Response, { maxBytes }: HttpRequest): Promise<Record<string, unknown>> {
  const headers: Record<string, string> = {};
  for (const name of returnedResponseHeaders) {
    const value = response.headers.get(name);
    if (value !== null) headers[name] = value.slice(0, limits.headerCharacters);
  }
  return { headers, ...(await readBody(response, maxBytes)) };
}

export default new HttpHandler();

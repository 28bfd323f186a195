/** HTTP proxy of a jail and its connections to upstreams. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

/** Fields that belong to one connection (RFC 9110, section 7.6.1) or to proxies on the way. */
const hopByHop = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** Headers by which a request could present a credential or claim an identity. */
const identity = [
  "api-key",
  "api-token",
  "apikey",
  "authorization",
  "cf-connecting-ip",
  "chatgpt-account-id",
  "cookie",
  "deploy-token",
  "forwarded",
  "job-token",
  "ocp-apim-subscription-key",
  "private-token",
  "via",
  "x-access-token",
  "x-amz-security-token",
  "x-api-key",
  "x-api-token",
  "x-apikey",
  "x-auth-token",
  "x-authorization",
  "x-goog-api-key",
];

/** Headers by which some servers take the request for another one than the rules allowed. */
const overrides = ["destination", "http2-settings"];

/** Headers that ask for a part of an answer: a secret that is cut in two would not be recognised. */
const parts = ["if-range", "range", "request-range"];

/**
 * Families of the above that no list of names covers: what only a trusted proxy in front of a server may claim, and
 * what makes a server act as another user (GitLab, Kubernetes, Redmine).
 */
const families: readonly RegExp[] = [
  /^(?:x-)?(?:forwarded|original|rewrite|override|envoy)-/,
  /^x-forwarded$/,
  /^(?:x-)?(?:cluster-client|client|originating|remote|real|true-client)-(?:ip|addr|host)$/,
  /^(?:x-)?(?:remote|webauth|authenticated|auth-request|ms-client-principal|amzn-oidc|goog-authenticated)(?:-|$)/,
  /^(?:x-)?(?:sudo|impersonate)(?:-|$)|-switch-user$/,
  /^(?:x-)?(?:http-)?(?:method|host)(?:-override)?$/,
];

/** Names that services give to credentials. Beside the credential that is added, they would name another account. */
const credentials: readonly RegExp[] = [
  /^cf-access-|^cookie2$|^dpop$/,
  /(?:^|-)(?:token|secret|password|passwd|credentials?|assertion|authorization|api-?key|access-key)$/,
];

/** Replaced for the upstream. */
const framing = ["accept-encoding", "content-length", "expect", "host"];

/** Response headers that would speak to a browser for the upstream's host. */
const answerOnly = ["alt-svc", "content-length", "set-cookie", "strict-transport-security", "location"];

function connectionOptions(headers: IncomingHttpHeaders): string[] {
  return (headers.connection ?? "").split(",").map((name) => name.trim().toLowerCase());
}

function without(
  headers: IncomingHttpHeaders,
  names: readonly string[],
  alike: readonly RegExp[] = [],
): Record<string, string | string[]> {
  const dropped = new Set([...names, ...hopByHop, ...connectionOptions(headers)]);
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    // Servers that pass headers on as variables do not distinguish a dash from other marks.
    const read = name.replace(/[^a-z0-9]/g, "-");
    if (value === undefined || dropped.has(name) || dropped.has(read)) continue;
    if (!alike.some((family) => family.test(read))) kept[name] = value;
  }
  return kept;
}

/**
 * The headers of a jail's request that are forwarded; the proxy adds credential and framing. A request to which a
 * credential is added cannot ask for a part of the answer.
 */
export function forwardedRequestHeaders(
  headers: IncomingHttpHeaders,
  { credential }: { readonly credential: boolean },
): Record<string, string | string[]> {
  const named = [...identity, ...overrides, ...framing, ...(credential ? parts : [])];
  return without(headers, named, credential ? [...families, ...credentials] : families);
}

/** The headers of an answer that are passed back to the jail. */
export function forwardedResponseHeaders(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  return without(headers, answerOnly);
}

/**
 * Ambiguity in the framing of a request, if any. Refusing it prevents request smuggling, where the proxy and the
 * upstream disagree about the end of a body.
 */
export function framingFault(request: IncomingMessage): string | undefined {
  const seen = new Map<string, number>();
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = (request.rawHeaders[i] ?? "").toLowerCase();
    seen.set(name, (seen.get(name) ?? 0) + 1);
  }
  for (const name of ["host", "content-length", "transfer-encoding", "connection", "expect"]) {
    if ((seen.get(name) ?? 0) > 1) return `more than one ${name} field`;
  }
  const length = request.headers["content-length"];
  const encoding = request.headers["transfer-encoding"];
  if (request.httpVersion !== "1.1") return "not HTTP/1.1";
  if (length !== undefined && encoding !== undefined) return "both a length and a transfer encoding";
  if (length !== undefined && !/^(?:0|[1-9]\d{0,14})$/.test(length)) return "a malformed length";
  if (encoding !== undefined && encoding !== "chunked") return "a transfer encoding other than chunked";
  if (request.headers.upgrade !== undefined) return "an upgrade";
  return undefined;
}

/** Decisions about requests: upstreams, allowed hosts, methods, public addresses. */
import { HoldfastError } from "@holdfast/core";
import { type EgressAllowRule, type EgressUpstream, providerNames } from "../egress.ts";

/** An upstream whose configuration has been checked. */
export interface CheckedUpstream extends EgressUpstream {
  readonly base: URL;
  /** Path of the base without an ending slash; "" for the root. */
  readonly basePath: string;
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("egress", "invalid_upstream", message, { statusCode: 400 });
}

/** Checks the configuration of upstreams; gives them by name. Throws `egress.invalid_upstream`. */
export function checkUpstreams(upstreams: readonly EgressUpstream[]): ReadonlyMap<string, CheckedUpstream> {
  const checked = new Map<string, CheckedUpstream>();
  for (const upstream of upstreams) {
    if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(upstream.name))
      throw invalid(`${upstream.name} is not a name: use a-z, 0-9 and "-"`);
    if (checked.has(upstream.name)) throw invalid(`Two upstreams are called ${upstream.name}`);
    if (upstream.provider !== "none" && !providerNames.includes(upstream.provider)) {
      const known = [...providerNames, "none"].join(", ");
      throw invalid(`The provider of ${upstream.name} is none of ${known}: ${String(upstream.provider)}`);
    }
    const base = URL.canParse(upstream.baseUrl) ? new URL(upstream.baseUrl) : undefined;
    if (!base || (base.protocol !== "http:" && base.protocol !== "https:")) {
      throw invalid(`The base URL of ${upstream.name} is not an http or https URL`);
    }
    if (base.username !== "" || base.password !== "" || base.search !== "" || base.hash !== "") {
      throw invalid(`The base URL of ${upstream.name} may have an address and a path only`);
    }
    for (const rule of upstream.allow) {
      if (
        !rule.methods.every((method) => /^[A-Z]+$/.test(method) && method !== "CONNECT" && method !== "TRACE")
      ) {
        throw invalid(`A rule of ${upstream.name} names a method that cannot be allowed`);
      }
      if (rule.query !== undefined && !/^[\w=&.-]*$/.test(new URLSearchParams(rule.query).toString())) {
        throw invalid(
          `A rule of ${upstream.name} has a query with characters other than letters, digits, "_", "." and "-"`,
        );
      }
      if (checkPath(rule.pathPrefix) !== undefined)
        throw invalid(`A rule of ${upstream.name} has a pathPrefix that is not a plain, normalised path`);
    }
    checked.set(upstream.name, { ...upstream, base, basePath: base.pathname.replace(/\/+$/, "") });
  }
  return checked;
}

/**
 * Why a path is refused, or undefined. A path that two servers could read in two ways is refused rather than
 * normalised.
 */
export function checkPath(path: string): string | undefined {
  if (!path.startsWith("/")) return "no leading slash";
  if (!/^[\x21-\x7e]*$/.test(path)) return "a character that does not belong in a path";
  if (/[\\#<>"`{}|^]/.test(path)) return "a character that does not belong in a path";
  if (/%(?:00|0a|0d|25|2e|2f|5c)/i.test(path)) return "an encoded separator";
  if (path.includes("//")) return "an empty segment";
  const decoded = decode(path);
  if (decoded === undefined) return "a percent escape that is malformed, or is not UTF-8";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused.
  if (/[\u0000-\u001f\u007f]/.test(decoded)) return "an encoded control character";
  if (decoded.split("/").some(isDotSegment)) return "a dot segment";
  return undefined;
}

/** Undefined for malformed escapes and for what is not UTF-8: lenient servers read "%c0%ae" as a dot and "%c0%af" as a slash. */
function decode(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/**
 * Whether some server takes a segment for "." or "..". Java servers drop what follows a semicolon, others drop blanks
 * or read full-width forms ("．．／") as the plain characters.
 */
function isDotSegment(segment: string): boolean {
  return segment
    .normalize("NFKC")
    .split(/[\\/]/)
    .some((part) => /^\.{1,2}$/.test((part.split(";", 1)[0] ?? "").trim()));
}

/** Rule that allows the call, if any. Prefixes match complete segments. */
export function matchRule(
  rules: readonly EgressAllowRule[],
  method: string,
  path: string,
  query: string,
): EgressAllowRule | undefined {
  return rules.find((rule) => {
    if (!rule.methods.includes(method)) return false;
    if (rule.query !== undefined && !sameQuery(rule.query, query)) return false;
    if (rule.suffixes !== undefined && !rule.suffixes.some((suffix) => path.endsWith(suffix))) return false;
    if (path === rule.pathPrefix) return true;
    if (rule.exact === true) return false;
    return path.startsWith(rule.pathPrefix.endsWith("/") ? rule.pathPrefix : `${rule.pathPrefix}/`);
  });
}

/** Compares as text: another encoding of the same parameter does not match. */
function sameQuery(wanted: Readonly<Record<string, string>>, query: string): boolean {
  const parameters = query === "" ? [] : query.slice(1).split("&");
  const expected = Object.entries(wanted).map(([name, value]) => `${name}=${value}`);
  return parameters.length === expected.length && expected.every((each) => parameters.includes(each));
}

/** The text by which logs and explanations name a rule. */
export function describeRule({ methods, pathPrefix, exact, query }: EgressAllowRule): string {
  const parameters = query === undefined ? "" : `?${new URLSearchParams(query).toString()}`;
  return `${methods.join("|")} ${pathPrefix}${parameters}${exact === true ? " exactly" : ""}`;
}

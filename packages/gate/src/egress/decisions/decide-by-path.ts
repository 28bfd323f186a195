/**
 * Decisions: whether a request of a jail is allowed, by configured upstreams, allowed hosts and addresses. Nothing in this
 * room opens a connection; only the resolver of `public-address.ts` does input or output.
 */
import type { EgressAllowRule, EgressDecision } from "../egress.ts";
import type { EgressLimits } from "../egress-limits.ts";
import { type AllowedHosts, allowedHostSegment } from "./allowed-hosts.ts";
import { overridingMethods, parameterName } from "./method-override.ts";
import { type CheckedUpstream, checkPath, describeRule, matchRule } from "./upstreams.ts";

/** The part of a request that decides whether it is allowed. */
export interface RequestHead {
  readonly method: string;
  /** Path and query as the jail sends them: "/anthropic/v1/messages?beta=true". */
  readonly target: string;
  readonly contentLength?: number;
}

/** A request that is allowed, with the rule that allows it. */
export interface Admitted {
  readonly upstream: CheckedUpstream;
  readonly rule: EgressAllowRule;
  /** Below the base of the upstream, without the query. */
  readonly path: string;
  /** With its question mark, or empty. */
  readonly query: string;
}

/** Why a request is refused, as an error code and message. */
export interface Refusal {
  readonly code: string;
  readonly status: number;
  readonly message: string;
  readonly about: Partial<EgressDecision>;
}

export type Verdict = { readonly admitted: Admitted } | { readonly refusal: Refusal };

/** Decides about a request by its head, without side effects: `explain` calls it too. */
export function decide(
  { method, target, contentLength = 0 }: RequestHead,
  upstreams: ReadonlyMap<string, CheckedUpstream>,
  hosts: AllowedHosts,
  limits: Pick<EgressLimits, "maxRequestBytes">,
): Verdict {
  const question = target.indexOf("?");
  const fullPath = question < 0 ? target : target.slice(0, question);
  const asked = question < 0 ? "" : target.slice(question);
  const no = (
    code: string,
    status: number,
    message: string,
    about: Partial<EgressDecision> = {},
  ): Verdict => ({
    refusal: { code, status, message, about: { method, ...about } },
  });
  const slash = fullPath.indexOf("/", 1);
  const name = slash < 0 ? fullPath.slice(1) : fullPath.slice(1, slash);
  const open = name === allowedHostSegment ? hosts.upstream(fullPath) : undefined;
  const upstream = open?.upstream ?? upstreams.get(name);
  const fault = checkPath(upstream?.kind === "npm" ? decodeScopedName(fullPath) : fullPath);
  if (fault !== undefined) return no("malformed_path", 400, `The path has ${fault}`);
  if (!/^[\x21-\x7e]*$/.test(asked)) return no("malformed_path", 400, "The query is malformed");
  const path = open?.path ?? (slash < 0 ? "/" : fullPath.slice(slash));
  if (upstream === undefined) {
    // The list names hosts where a host was asked for.
    const [kind, names] =
      name === allowedHostSegment ? ["host", hosts.names()] : ["upstream", upstreams.keys()];
    const known = [...names].join(", ") || "none";
    return no("unknown_upstream", 403, `No ${kind} of that name; there are: ${known}`, { path: fullPath });
  }
  const about = { upstream: upstream.name, path };
  const allow = rulesFor(upstream, path);
  const query = upstream.provider === "google" ? withoutGoogleParameters(asked) : asked;
  const rule = matchRule(allow, method, path, query);
  if (rule === undefined)
    return no("not_allowed", 403, `${method} ${path} is not allowed at ${upstream.name}`, about);
  const admitted = { upstream, rule, path, query };
  const why = forbiddenMethod(admitted, overridingMethods(query), "query");
  if (why !== undefined) return no("not_allowed", 403, why, about);
  if (contentLength > limits.maxRequestBytes) {
    return no("request_too_large", 413, `A request holds at most ${limits.maxRequestBytes} bytes`, about);
  }
  return { admitted };
}

/** Reason to refuse an allowed request whose query or body overrides its method. */
export function forbiddenMethod(
  { upstream, path, query }: Admitted,
  methods: readonly string[],
  where: "query" | "body",
): string | undefined {
  const allow = rulesFor(upstream, path);
  const other = methods.find((method) => matchRule(allow, method, path, query) === undefined);
  if (other === undefined) return undefined;
  return `The ${where} asks for ${other} ${path}, which is not allowed at ${upstream.name}`;
}

function rulesFor({ kind, allow }: CheckedUpstream, path: string): readonly EgressAllowRule[] {
  return kind === "npm" && isRegistryMetadata(path) ? allow.filter(namesRegistryMetadata) : allow;
}

export function ruleOf({ rule }: Admitted): string {
  return describeRule(rule);
}

/** npm writes the slash in a scoped package name as "%2f": the one encoded separator that is allowed. */
function decodeScopedName(path: string): string {
  return path.replace(/^(\/[^/]+\/@[^/%]+)%2f/i, "$1/");
}

/**
 * Below "/-/" a registry serves account data: whose the token is, and that person's tokens, address and organisations.
 * Only a rule that names such a path allows it; a rule for packages does not.
 */
function isRegistryMetadata(path: string): boolean {
  return /^\/(?:-|%2d)(?:\/|$)/i.test(path);
}

function namesRegistryMetadata({ pathPrefix }: EgressAllowRule): boolean {
  return isRegistryMetadata(pathPrefix);
}

/** Query parameters by which Google takes a key, a header or another method. */
const googleParameters = new Set(["key", "access_token", "oauth_token", "$httpheaders", "$httpmethod"]);

/** Drops the placeholder key of the jail, and whatever could turn the request into another one. */
function withoutGoogleParameters(query: string): string {
  const kept = query
    .slice(1)
    .split("&")
    .filter((each) => !googleParameters.has(parameterName(each.split("=", 1)[0] ?? "")));
  return kept.length === 0 || kept[0] === "" ? "" : `?${kept.join("&")}`;
}

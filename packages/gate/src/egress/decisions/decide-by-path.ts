import type { EgressAllowRule, EgressDecision } from "../egress.ts";
import type { EgressLimits } from "../egress-limits.ts";
import { type AllowedHosts, allowedHostSegment } from "./allowed-hosts.ts";
import { overridingMethods, parameterName } from "./method-override.ts";
import { type CheckedUpstream, checkPath, describeRule, matchRule } from "./upstreams.ts";

/** As much of a request as decisions are made by. */
export interface RequestHead {
  readonly method: string;
  /** Path and query as the jail sends them: "/anthropic/v1/messages?beta=true". */
  readonly target: string;
  readonly contentLength?: number;
}

export interface Admitted {
  readonly upstream: CheckedUpstream;
  readonly rule: EgressAllowRule;
  /** Below the base of the upstream, without the query. */
  readonly path: string;
  /** With its question mark, or empty. */
  readonly query: string;
}

export interface Refusal {
  readonly code: string;
  readonly status: number;
  readonly message: string;
  readonly about: Partial<EgressDecision>;
}

export type Verdict = { readonly admitted: Admitted } | { readonly refusal: Refusal };

/** Decides about a request by its head alone. Pure: `explain` asks it the same. */
export function decide(
  { method, target, contentLength = 0 }: RequestHead,
  upstreams: ReadonlyMap<string, CheckedUpstream>,
  hosts: AllowedHosts,
  limits: Pick<EgressLimits, "maxRequestBytes">,
): Verdict {
  const question = target.indexOf("?");
  const whole = question < 0 ? target : target.slice(0, question);
  const asked = question < 0 ? "" : target.slice(question);
  const no = (
    code: string,
    status: number,
    message: string,
    about: Partial<EgressDecision> = {},
  ): Verdict => ({
    refusal: { code, status, message, about: { method, ...about } },
  });
  const slash = whole.indexOf("/", 1);
  const name = slash < 0 ? whole.slice(1) : whole.slice(1, slash);
  const open = name === allowedHostSegment ? hosts.upstream(whole) : undefined;
  const upstream = open?.upstream ?? upstreams.get(name);
  const fault = checkPath(upstream?.kind === "npm" ? plainPackage(whole) : whole);
  if (fault !== undefined) return no("malformed_path", 400, `The path has ${fault}`);
  if (!/^[\x21-\x7e]*$/.test(asked)) return no("malformed_path", 400, "The query is malformed");
  const path = open?.path ?? (slash < 0 ? "/" : whole.slice(slash));
  if (upstream === undefined) {
    // Whoever asks for a host by its name is told of hosts.
    const [kind, names] =
      name === allowedHostSegment ? ["host", hosts.names()] : ["upstream", upstreams.keys()];
    const known = [...names].join(", ") || "none";
    return no("unknown_upstream", 403, `No ${kind} of that name; there are: ${known}`, { path: whole });
  }
  const about = { upstream: upstream.name, path };
  const allow = rulesFor(upstream, path);
  const query = upstream.provider === "google" ? withoutKey(asked) : asked;
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

/** Why an admitted request is refused that asks, in its query or body, to be taken for one with another method. */
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
  return kind === "npm" && isSpecial(path) ? allow.filter(namesSpecials) : allow;
}

export function ruleOf({ rule }: Admitted): string {
  return describeRule(rule);
}

/** npm writes the slash in a scoped name as "%2f"; there, and nowhere else, it is allowed. */
function plainPackage(path: string): string {
  return path.replace(/^(\/[^/]+\/@[^/%]+)%2f/i, "$1/");
}

/**
 * Below "/-/" a registry has what is no package: who the token is of, and that person's tokens, address and
 * organisations. A rule for packages is none for these, so that they are asked for only by one that names them.
 */
function isSpecial(path: string): boolean {
  return /^\/(?:-|%2d)(?:\/|$)/i.test(path);
}

function namesSpecials({ pathPrefix }: EgressAllowRule): boolean {
  return isSpecial(pathPrefix);
}

/** By these Google takes a key from a query, and what a field or the method would say. */
const ofGoogle = new Set(["key", "access_token", "oauth_token", "$httpheaders", "$httpmethod"]);

/** The jail's key is as worthless there as in a field; nothing there may turn the request into another. */
function withoutKey(query: string): string {
  const kept = query
    .slice(1)
    .split("&")
    .filter((each) => !ofGoogle.has(parameterName(each.split("=", 1)[0] ?? "")));
  return kept.length === 0 || kept[0] === "" ? "" : `?${kept.join("&")}`;
}

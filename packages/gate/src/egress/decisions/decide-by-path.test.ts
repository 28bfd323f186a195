import assert from "node:assert/strict";
import { test } from "node:test";
import type { EgressProvider } from "../egress.ts";
import { npmUpstream } from "../services/npm.ts";
import { AllowedHosts } from "./allowed-hosts.ts";
import { decide, type Verdict } from "./decide-by-path.ts";
import { checkUpstreams } from "./upstreams.ts";

function ask(target: string, provider: EgressProvider = "none"): Verdict {
  const upstreams = checkUpstreams([
    {
      ...{ name: "model", baseUrl: "https://model.example", provider },
      allow: [{ methods: ["GET"], pathPrefix: "/" }],
      credential: { kind: "none" },
    },
  ]);
  return decide({ method: "GET", target }, upstreams, new AllowedHosts(), { maxRequestBytes: 100 });
}

const queryOf = (verdict: Verdict) => ("admitted" in verdict ? verdict.admitted.query : undefined);
const codeOf = (verdict: Verdict) => ("refusal" in verdict ? verdict.refusal.code : undefined);

test("a query with characters outside printable ASCII is refused", () => {
  assert.equal(queryOf(ask("/model/v1?a=1&b=%20")), "?a=1&b=%20");
  for (const query of ["?a=\u00e4", "?a=\u007f", "?a=b c", "?a=\r\nx: y"])
    assert.equal(codeOf(ask(`/model/v1${query}`)), "malformed_path", JSON.stringify(query));
});

test("the jail's placeholder key in a query is not forwarded", () => {
  assert.equal(queryOf(ask("/model/v1?alt=sse&key=own&b=2", "google")), "?alt=sse&b=2");
  assert.equal(queryOf(ask("/model/v1?access_token=own", "google")), "");
  assert.equal(queryOf(ask("/model/v1?KEY=own&keys=1", "google")), "?keys=1");
  for (const name of ["%6bey", "k%65%79", "access%5Ftoken", "oauth_token", "$httpHeaders", "%24HTTPMethod"])
    assert.equal(queryOf(ask(`/model/v1?${name}=own&alt=sse`, "google")), "?alt=sse", name);
  // Elsewhere it is a parameter like others.
  assert.equal(queryOf(ask("/model/v1?key=own", "openai")), "?key=own");
});

test("a method override in the query must be allowed too", () => {
  const upstreams = checkUpstreams([
    {
      ...{ name: "api", baseUrl: "https://api.example", provider: "none", credential: { kind: "none" } },
      allow: [
        { methods: ["GET", "POST"], pathPrefix: "/items" },
        { methods: ["POST", "DELETE"], pathPrefix: "/drafts" },
      ],
    },
  ]);
  const post = (target: string) =>
    decide({ method: "POST", target: `/api${target}` }, upstreams, new AllowedHosts(), {
      maxRequestBytes: 100,
    });
  for (const query of [
    "_method=DELETE",
    "a=1&_method=delete",
    "a=1;_method=DELETE",
    "%5Fm%65thod=D%45LETE",
    "+_method=DELETE",
    ".method=+DELETE+",
    "_HttpMethod=PATCH",
    "$httpMethod=DELETE",
    "_method_override=PUT",
    "X-HTTP-Method-Override=DELETE",
    "x_http_method=DELETE",
    "X-Method-Override=DELETE",
    "http-method-override=PROPFIND",
    "_method=GET&_method=DELETE",
  ]) {
    const verdict = post(`/items/1?${query}`);
    assert.equal(codeOf(verdict), "not_allowed", query);
    assert.match(
      ("refusal" in verdict && verdict.refusal.message) || "",
      /^The query asks for [A-Z]+ \/items/,
    );
  }
  for (const query of [
    "_method=get",
    "_method=",
    "_method",
    "method=delete",
    "x=_method=DELETE",
    "_method=getItems",
  ])
    assert.equal(queryOf(post(`/items/1?${query}`)), `?${query}`, query);
  assert.equal(queryOf(post("/drafts/1?_method=DELETE")), "?_method=DELETE", "where both are allowed");
});

test("a refusal of a host lists the allowed hosts", () => {
  const hosts = new AllowedHosts([
    { host: "docs.example.com" },
    { host: "*.example.org", ports: [443, 8443] },
    { host: "docs.example.com", pathPrefix: "/more" },
  ]);
  const why = (target: string, open = hosts) => {
    const verdict = decide({ method: "GET", target }, checkUpstreams([]), open, { maxRequestBytes: 100 });
    return "refusal" in verdict ? verdict.refusal.message : "";
  };
  const known = "there are: docs.example.com, *.example.org, *.example.org:8443";
  for (const target of ["https/127.0.0.1/", "https/docs.example.com:8443/", "https/EXAMPLE.com/", "x"])
    assert.equal(why(`/web/${target}`), `No host of that name; ${known}`, target);
  assert.equal(why("/web/https/a.example/", new AllowedHosts()), "No host of that name; there are: none");
  assert.equal(why("/model/v1"), "No upstream of that name; there are: none");
});

test("account data of a registry is not covered by the rule for its packages", () => {
  const upstreams = checkUpstreams([npmUpstream({ url: "https://registry.example/npm/", token: "x" })]);
  const get = (target: string) =>
    codeOf(decide({ method: "GET", target }, upstreams, new AllowedHosts(), { maxRequestBytes: 100 }));
  for (const path of [
    "whoami",
    "npm/v1/user",
    "npm/v1/tokens",
    "org/acme/user",
    "user/org.couchdb.user:me",
  ]) {
    assert.equal(get(`/npm/-/${path}`), "not_allowed", path);
    assert.equal(get(`/npm/%2D/${path}`), "not_allowed", path);
  }
  assert.equal(get("/npm/-"), "not_allowed");
  for (const path of ["a", "@acme%2fa", "@acme/a/-/a-1.0.0.tgz", "a/-/a-1.0.0.tgz", "-/v1/search?text=a"])
    assert.equal(get(`/npm/${path}`), undefined, path);
  for (const path of ["-/package/a/dist-tags", "-/npm/v1/keys", "-/npm/v1/attestations/a@1.0.0", "-/ping"])
    assert.equal(get(`/npm/${path}`), undefined, path);
});

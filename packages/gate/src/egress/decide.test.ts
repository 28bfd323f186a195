import assert from "node:assert/strict";
import { test } from "node:test";
import { decide, type Verdict } from "./decide.ts";
import type { EgressProvider } from "./egress.ts";
import { OpenHosts } from "./open-hosts.ts";
import { checkUpstreams } from "./upstreams.ts";

function ask(target: string, provider: EgressProvider = "none"): Verdict {
  const upstreams = checkUpstreams([
    {
      ...{ name: "model", baseUrl: "https://model.example", provider },
      allow: [{ methods: ["GET"], pathPrefix: "/" }],
      credential: { kind: "none" },
    },
  ]);
  return decide({ method: "GET", target }, upstreams, new OpenHosts(), { maxRequestBytes: 100 });
}

const queryOf = (verdict: Verdict) => ("admitted" in verdict ? verdict.admitted.query : undefined);
const codeOf = (verdict: Verdict) => ("refusal" in verdict ? verdict.refusal.code : undefined);

test("a query of other than visible characters is refused", () => {
  assert.equal(queryOf(ask("/model/v1?a=1&b=%20")), "?a=1&b=%20");
  for (const query of ["?a=\u00e4", "?a=\u007f", "?a=b c", "?a=\r\nx: y"])
    assert.equal(codeOf(ask(`/model/v1${query}`)), "malformed_path", JSON.stringify(query));
});

test("a key of the jail's in a query goes no further where the provider takes one there", () => {
  assert.equal(queryOf(ask("/model/v1?alt=sse&key=own&b=2", "google")), "?alt=sse&b=2");
  assert.equal(queryOf(ask("/model/v1?access_token=own", "google")), "");
  assert.equal(queryOf(ask("/model/v1?KEY=own&keys=1", "google")), "?keys=1");
  for (const name of ["%6bey", "k%65%79", "access%5Ftoken", "oauth_token", "$httpHeaders", "%24HTTPMethod"])
    assert.equal(queryOf(ask(`/model/v1?${name}=own&alt=sse`, "google")), "?alt=sse", name);
  // Elsewhere it is a parameter like others.
  assert.equal(queryOf(ask("/model/v1?key=own", "openai")), "?key=own");
});

/** Mutants of the egress: checks of requests, answers, tunnels and connections. */
import { withEdits, withoutEntries, withoutLimits, withoutPatterns } from "./mutant.ts";
import { attacks, beside, gate, guards, limits, mutants, type Planned, test } from "./planned.ts";

const part = (name: string) => `egress/${name}`;
const file = (name: string) => `${gate}egress/${name}.ts`;
const usual = ["egress-fields", "egress", "egress-answers", "egress-bodies", "egress-hosts"].map((name) =>
  test(name),
);
const budgets = test("egress-budgets");
const connections = test("egress-connections");
const intercept = test("egress-intercept");
const git = { test: "tests/security/git-egress.test.ts" };
const npm = { test: "tests/security/npm-egress.test.ts" };

function answers(): Planned[] {
  return mutants(
    usual,
    file("proxy/forward"),
    withEdits([
      [
        "secrets taken out of bodies",
        "secrets.scanner()",
        "({ push: (each) => each, flush: () => Buffer.alloc(0) })",
      ],
      ["secrets taken out of fields", "redactHeaders(headers, secrets)", "headers"],
      ["secrets in the names of fields", "if (secrets.matcher.find(name).length > 0) continue;", ""],
      ["fields of an answer", "forwardedResponseHeaders(answer.headers)", "({ ...answer.headers })"],
      [
        "fields of a request",
        "forwardedRequestHeaders(request.headers, { credential: presents })",
        "({ ...request.headers })",
      ],
      ["whole answers where a credential is added", "{ credential: presents }", "{ credential: false }"],
      ["the upstream's own name", 'headers["host"] = upstream.base.host;', ""],
      ["plain answers", 'headers["accept-encoding"] = "identity";', ""],
      ["the time of an upstream", "timeout: task.limits.upstreamIdleMs,", ""],
      ["the checked addresses", "{ addresses, lookup: fixedLookup(addresses) }", "{}"],
      ["what may be sent twice", "!isRepeatable(task.request)", "false"],
      ["the bound of a body", "if (this.#bytes > this.#maxBytes) {", "if (Date.now() < 0) {"],
      ["the end with the client", "if (!response.writableFinished) outgoing.destroy();", ""],
    ]),
  ).map((mutant) => ({ ...mutant, checks: [connections, ...usual, budgets] }));
}

function proxy(): Planned[] {
  const path = file("proxy/egress-proxy");
  const checks = [...usual, budgets, connections, test("plugin-egress")];
  return mutants(
    checks,
    path,
    withEdits([
      ["the mode of its directory", "await chmod(directory, 0o700);", "await chmod(directory, 0o755);"],
      ["the bound of fields", "maxHeaderSize: this.#limits.maxHeaderBytes,", "maxHeaderSize: 1e9,"],
      ["the time of fields", "headersTimeout: this.#limits.headersTimeoutMs,", "headersTimeout: 0,"],
      ["the time of a request", "requestTimeout: this.#limits.requestTimeoutMs,", "requestTimeout: 0,"],
      ["strict parsing", "insecureHTTPParser: false,", "insecureHTTPParser: true,"],
      ["the name of a host", "requireHostHeader: true,", "requireHostHeader: false,"],
      ["the bound of connections", "this.#server.maxConnections = this.#limits.maxConnections;", ""],
      ["the bound of how many fields", "this.#server.maxHeadersCount = this.#limits.maxHeaders;", ""],
      [
        "the record before",
        'const begun = await audit.append({\n      type: "egress.request"',
        'const begun = ({ seq: 0,\n      type: "egress.request"',
      ],
      ["the record of a refusal", 'void audit.note({ type: "egress.denied"', 'void ({ type: "egress.denied"'],
      ["taint by an upstream", "if (upstream.outside === true) await", "if (Date.now() < 0) await"],
      ["public addresses only", "upstream.publicOnly === true", "Date.now() < 0"],
      ["where redirects may lead", 'upstream.name.includes("/")', "Date.now() < 0"],
      ["budgets", "if (!this.#metering.bounded) {", "if (Date.now() > 0) {"],
      ["giving back what was reserved", "call.release();", ""],
      ["what follows a refusal", 'before.getHeader("connection") === "close"', "Date.now() < 0"],
      ["the end of its connections", "for (const socket of this.#sockets) socket.destroy();", ""],
    ]),
  );
}

export function egress(): Planned[] {
  return [
    ...mutants([limits], file("egress-limits"), (path, text) => withoutLimits(path, text, "egressLimits")),
    ...answers(),
    ...proxy(),
    ...guards(
      [...usual, budgets, connections, git, npm, intercept],
      ...["proxy/egress-proxy", "decisions/decide-by-path", "proxy/forward", "proxy/relay"].map(part),
    ),
    ...guards([test("egress-fields"), ...usual, git], part("decisions/upstreams")),
    ...guards(
      [test("egress-bodies"), test("egress-hosts"), ...usual],
      ...["decisions/allowed-hosts", "tunnels/tunnel-connection"].map(part),
    ),
    ...guards(
      [beside("egress/decisions/public-address"), test("egress-hosts"), test("egress-bodies")],
      part("decisions/public-address"),
    ),
    ...guards([beside("egress/tunnels/client-hello")], part("tunnels/client-hello")),
    ...guards([test("egress-bodies"), budgets], part("proxy/request-body")),
    ...guards(
      [budgets, ...usual, intercept],
      ...["metering/budget-ledger", "egress-config", "metering/metering"].map(part),
    ),
    ...guards([test("egress-bodies"), git], part("services/git")),
    ...guards([npm, test("egress-bodies")], part("services/npm")),
    ...guards([connections], part("proxy/upstream-connections")),
    ...guards(
      [beside("egress/services/git-tokens")],
      part("services/git-tokens"),
      part("services/github-app"),
    ),
    ...mutants([limits], file("services/git-tokens"), (path, text) =>
      withoutLimits(path, text, "gitTokenLimits"),
    ),
    ...guards([beside("egress/metering/model-request")], part("metering/model-fields")),
    ...mutants([limits, budgets], file("metering/model-request"), (path, text) =>
      withoutLimits(path, text, "estimateLimits"),
    ),
    ...parts(),
    ...fields(),
  ];
}

/** A body that asks for another method. */
function overrides(): Planned[] {
  const checks = [test("egress-method-override")];
  return [
    ...guards(checks, part("proxy/body-inspection"), part("proxy/override-scanner")),
    ...mutants(
      checks,
      file("proxy/body-inspection"),
      withEdits([
        [
          "the last chunk held back",
          "if (!ended && beginning.length === 1) {",
          "if (beginning.length === 0) {",
        ],
        ["the end of a body", "chunk === undefined ? scanner.end() :", "chunk === undefined ? [] :"],
      ]),
    ),
    ...mutants(
      checks,
      file("proxy/override-scanner"),
      withEdits([
        ["forms", 'type.includes("urlencoded")', "Date.now() < 0"],
        ["JSON", 'type.includes("json")', "Date.now() < 0"],
        ["forms in parts", 'type?.includes("multipart") === true', "Date.now() < 0"],
      ]),
    ),
  ];
}

/** Single lines of the parts behind the proxy. */
function parts(): Planned[] {
  return [
    ...overrides(),
    ...mutants(
      usual,
      file("proxy/refusals"),
      withEdits([
        ["the end after a doubtful request", 'response.setHeader("connection", "close");', ""],
        ["the bound of what is thrown away", "if (discarded > maxDiscardBytes) request.destroy();", ""],
      ]),
    ),
    ...mutants(
      [limits],
      file("metering/usage-meter"),
      withEdits([
        ["the bound of an event", "maxEventBytes: 4 * 1024 * 1024", "maxEventBytes: 2 ** 40"],
        ["the bound of an answer", "maxJsonBytes: 32 * 1024 * 1024", "maxJsonBytes: 2 ** 40"],
      ]),
    ),
    ...mutants(
      [connections],
      file("proxy/upstream-connections"),
      withEdits([
        ["addresses in the name", 'options?.addresses?.toSorted().join(",")', "undefined"],
        ["the bound of what waits", "maxFreeSockets: maxIdleUpstreams,", ""],
        ["the time of what waits", "timeout: upstreamKeepAliveMs", "timeout: 0 * upstreamKeepAliveMs"],
        ["what changes nothing", '(method === "GET" || method === "HEAD") &&', ""],
        ["what has no body", "&& noBody", ""],
        ["what is expected", "&& headers.expect === undefined", ""],
        ["the end of what is kept", "agents?.pooled.destroy();", ""],
      ]),
    ),
    ...mutants(
      [beside("egress/decisions/decide-by-path"), budgets, ...usual],
      file("decisions/decide-by-path"),
      withEdits([
        ["paths", "if (fault !== undefined) return no(", "if (Date.now() < 0) return no("],
        ["queries", "if (!/^[\\x21-\\x7e]*$/.test(asked)) return", "if (Date.now() < 0) return"],
        ["the bound of a body", "contentLength > limits.maxRequestBytes", "Date.now() < 0"],
        [
          "keys in a query",
          'upstream.provider === "google" ? withoutGoogleParameters(asked) : asked',
          "asked",
        ],
        ["methods in a query", "admitted, overridingMethods(query)", "admitted, []"],
      ]),
    ),
    ...guards(usual, part("proxy/http-headers")),
    ...mutants(
      usual,
      file("proxy/http-headers"),
      withEdits([["other spellings of a field", "|| dropped.has(read)", ""]]),
    ),
    ...mutants(
      [budgets, test("egress-fields")],
      file("metering/model-request"),
      withEdits([["budgets of models", 'provider !== "none" && method', "Date.now() < 0 && method"]]),
    ),
    ...mutants(
      [budgets, ...usual, attacks("network.exfiltration")],
      `${gate}vault/providers.ts`,
      withEdits([["paths that are named whole", "pathPrefix, exact: true }", "pathPrefix }"]]),
    ),
  ];
}

/** The names of fields that do not pass. */
function fields(): Planned[] {
  return mutants(usual, file("proxy/http-headers"), (path, text) => [
    ...withoutEntries(path, text, "hopByHop"),
    ...withoutEntries(path, text, "identity"),
    ...withoutEntries(path, text, "overrides"),
    ...withoutEntries(path, text, "parts"),
    ...withoutEntries(path, text, "answerOnly"),
    ...withoutPatterns(path, text, "families"),
    ...withoutPatterns(path, text, "credentials"),
  ]);
}

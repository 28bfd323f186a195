/** Mutants of tunnels: which are allowed, the content of intercepted ones, and their certificates. */
import { type Edit, withEdits } from "./mutant.ts";
import { beside, gate, guards, mutants, type Planned, test } from "./planned.ts";

const intercept = test("egress-intercept");
const authority = test("egress-certificate-authority");
const checks = [intercept, test("egress-hosts"), test("egress")];

const edits = (tests: Parameters<typeof mutants>[0], name: string, list: readonly Edit[]): Planned[] =>
  mutants(tests, `${gate}egress/${name}.ts`, withEdits(list));

function destinations(): Planned[] {
  return [
    ...guards(checks, ...["tunnels/tunnels", "tunnels/tunnel-decision"].map((name) => `egress/${name}`)),
    ...edits(checks, "tunnels/tunnels", [
      [
        "the record before a tunnel",
        'await audit.append({ type: "egress.tunnel"',
        '({ seq: 0, type: "egress.tunnel"',
      ],
      ["taint by a tunnel", "if (destinations.hosts.outside(target)) await", "if (Date.now() < 0) await"],
      ["the framing of a request for a tunnel", "framingFault(request) === undefined ?", "Date.now() > 0 ?"],
      ["the count of handshakes", "this.#handshakes += 1;", ""],
      ["the end of a handshake", "this.#handshakes -= 1;", ""],
    ]),
    ...edits(checks, "tunnels/tunnel-decision", [
      ["the switch", "authority === undefined ||", ""],
      ["names alone", "|| !isHostName(target.host)", ""],
      ["places that are known", "return known ? {", "return Date.now() > 0 ? {"],
    ]),
    ...edits(checks, "proxy/egress-proxy", [
      [
        "an authority that is wanted",
        "intercept === true ? interceptedNames",
        "Date.now() > 0 ? interceptedNames",
      ],
    ]),
    ...mutants(
      [intercept],
      `${gate}gate.ts`,
      withEdits([
        ["tunnels as the gate says", "options.intercept ?? intercept", "options.intercept ?? true"],
      ]),
    ),
  ];
}

function requests(): Planned[] {
  return [
    ...guards(checks, "egress/decisions/decide-by-address"),
    ...guards([beside("egress/tunnels/tls-termination"), ...checks], "egress/tunnels/tls-termination"),
    ...edits(checks, "tunnels/tunnels", [
      ["the place of what is inside", "this.#inside.set(secure, target);", ""],
    ]),
    ...edits(checks, "tunnels/tunnel-decision", [
      ["the port in the field host", "(port === 443 && written === host)", "written === host"],
      [
        "the host in the field host",
        "return written ===",
        "return written.endsWith(String(port)) || written ===",
      ],
    ]),
    ...edits(checks, "decisions/decide-by-address", [
      ["the origin of an upstream", "base.origin !== origin ||", ""],
      ["the base of an upstream", "|| !target.startsWith(basePath)", ""],
      ["whole segments of a base", "if (/^(?:[/?]|$)/.test(below)) yield", "yield"],
      ["hosts that are open", "if (hosts.upstream(named) !== undefined) yield", "yield"],
    ]),
    ...edits(checks, "proxy/egress-proxy", [
      [
        "the place of a tunnel",
        "if (target === undefined) return decide(",
        "if (Date.now() > 0) return decide(",
      ],
    ]),
    ...edits(checks, "tunnels/tls-termination", [
      ["one protocol", 'ALPNProtocols: ["http/1.1"]', 'ALPNProtocols: ["h2", "http/1.1"]'],
      [
        "the time of a handshake",
        'setTimeout(() => fail("it took too long"), timeoutMs)',
        "setTimeout(() => {}, timeoutMs)",
      ],
    ]),
    ...edits(checks, "proxy/forward", [
      ["addresses in redirects of hosts", "return tunnelled ? target.href : rewritten;", "return rewritten;"],
      ["addresses in redirects of upstreams", "if (tunnelled) return target.href;", ""],
      ["addresses of tarballs", "if (tunnelled || upstream.kind", "if (upstream.kind"],
    ]),
  ];
}

function certificates(): Planned[] {
  return [
    ...edits([authority, intercept], "tunnels/certificate-authority", [
      ["a name of its own", "randomBytes(8).toString", '"one".toString'],
      [
        "the time of a certificate",
        "...validity(clock.now(), limits.certificateMs),",
        "...validity(clock.now(), 10 * limits.certificateMs),",
      ],
      [
        "the time of an authority",
        "...validity(clock.now(), limits.authorityMs),",
        "...validity(clock.now(), 10 * limits.authorityMs),",
      ],
      ["certificates that end", "clock.now() < cached.until", "Date.now() > 0"],
      ["what is left of one", "limits.certificateMs - limits.certificateLeftMs", "limits.certificateMs"],
      ["the bound of what is kept", "this.#cache.size > limits.maxCertificates", "Date.now() < 0"],
      ["the order of what is kept", "this.#cache.delete(host);\n    if (cached", "if (cached"],
    ]),
    ...edits([authority, intercept], "tunnels/certificates", [
      ["the names of an authority", "extension(id_NameConstraints, constraints.toSchema(), true),", ""],
      ["addresses that it speaks for", "excludedSubtrees: [8, 32]", "excludedSubtrees: [8]"],
      ["the length of its chain", ", pathLenConstraint: 0", ""],
      ["what it may sign", "extension(id_KeyUsage, usage(certificateSigning), true),", ""],
      ["what it is for", "{ keyPurposes: [serverAuth] }", '{ keyPurposes: ["2.5.29.37.0"] }'],
    ]),
    ...edits([authority], "tunnels/authority-files", [
      ["the mode of what is shown", "await chmod(path, 0o444);", ""],
      [
        "the host's own authorities",
        "const system = (await systemAuthorities()).trimEnd();",
        'const system = "";',
      ],
    ]),
  ];
}

export function tunnels(): Planned[] {
  return [...destinations(), ...requests(), ...certificates()];
}

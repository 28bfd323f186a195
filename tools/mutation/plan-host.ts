/**
 * Mutants of the host's data and decisions: audit records, approvals, rules, secrets, plugins, groups, and their
 * composition.
 */
import type { Check } from "./check.ts";
import { withEdits, withoutGuards, withoutLimits, withoutRefusals } from "./mutant.ts";
import { beside, gate, groups, guards, limits, mutants, type Planned, test } from "./planned.ts";

const plugins = ["plugin-corners", "plugin-installer", "plugin-faults", "plugin-peer", "plugin-reload"].map(
  (name) => test(name),
);
const groupServer = { test: "packages/studio/tests/groups.test.ts" };
const studio = { test: `${groups}groups.test.ts` };
const groupInbox = { test: `${groups}group-inbox.test.ts` };

/** The composition root: what joins the parts, each line of it taken away. */
function composition(): Planned[] {
  return mutants(
    [
      ...["gate-wiring", "broker", "policy", "egress-hosts", "egress-budgets"].map((name) => test(name)),
      ...[...plugins, test("jails"), test("broker-hostile", "that has ended leaves")],
    ],
    `${gate}gate.ts`,
    withEdits([
      [
        "who may connect",
        "started: (jail: Jail) => broker.jailStarted(jail, !driver.unsafe),",
        "started: () => {},",
      ],
      ["who may connect no more", "ended: (jailId: string) => broker.jailEnded(jailId),", "ended: () => {},"],
      ["taint by the way out", "if (options.taints !== false) await", "if (Date.now() < 0) await"],
      ["secrets of plugins", "remember: (secret) => vault.secrets.add(secret),", "remember: () => {},"],
      ["budgets of a jail", "budgets: (options.budgets ?? []).map(checkBudget),", "budgets: [],"],
      ["what is told of decisions", "this.#config.onDecision?.(decision);", ""],
      [
        "the rules of the file",
        "config.policy ?? openPolicy(dataDir,",
        'config.policy ?? openPolicy(join(dataDir, "none"),',
      ],
      ["the mode of its directory", "await chmod(directory, 0o700);", "await chmod(directory, 0o755);"],
      ["the end of jails", "await this.jails.close();", ""],
    ]),
  );
}

/** A secret as programs write it, each form not known. */
function secretForms(checks: readonly Check[]): Planned[] {
  return mutants(
    checks,
    `${gate}vault/redaction/secret-forms.ts`,
    withEdits([
      ["the value itself", "    value,\n    [...value]", "    [...value]"],
      ["what is reversed", '    [...value].reverse().join(""),\n', ""],
      ["hex", '    bytes.toString("hex"),\n', ""],
      ["capital hex", '    bytes.toString("hex").toUpperCase(),\n', ""],
      ["escapes of JSON", "    escaped,\n    escaped.replaceAll", "    escaped.replaceAll"],
      ["slashes in JSON", '    escaped.replaceAll("/", "\\\\/"),\n', ""],
      ["JSON that HTML may hold", "    numbered(/[<>&]/g),\n", ""],
      ["JSON that HTML may hold anywhere", "    numbered(/[<>&=']/g),\n", ""],
      ["JSON of numbers alone", "    value.replace(/[\\s\\S]/g, unicodeEscape),\n", ""],
      ["HTML", "    ...inHtml(value),\n", ""],
      ["apostrophes in HTML", ', escaped.replaceAll("\'", "&#39;")', ""],
      ["apostrophes in HTML by another number", ', escaped.replaceAll("\'", "&#x27;")', ""],
      ["parts of addresses", "    encodeURIComponent(value.toWellFormed()),\n", ""],
      ["addresses", "    encodeURI(value.toWellFormed()),\n", ""],
      ["forms", '    new URLSearchParams({ "": value }).toString().slice(1),\n', ""],
      ["addresses of escapes alone", '    all.join(""),\n', ""],
      ["small escapes", "[...upper, ...upper.map(lowerEscapes)]", "upper"],
      ["the alignments of base64", "shift < 3;", "shift < 1;"],
      ["base64 for addresses", '["base64", "base64url"]', '["base64"]'],
      ["base64", '["base64", "base64url"]', '["base64url"]'],
      ["escaped base64", "forms.push(form, encodeURIComponent(form), ", "forms.push(form, "],
      ["base64 in JSON", 'forms.push(form.replaceAll("/", "\\\\/"));', ""],
      ["UTF-16", "return [text, bytes", "return [bytes"],
      ["hex of UTF-16", 'return [text, bytes.toString("hex"), ', "return [text, "],
      ["capital hex of UTF-16", ' bytes.toString("hex").toUpperCase(), ...inBase64', " ...inBase64"],
      ["base64 of UTF-16", ", ...inBase64(bytes)];", "];"],
    ]),
  );
}

export function host(): Planned[] {
  const records = [test("audit"), test("audit-checkpoints")];
  const vault = [test("vault"), test("vault-faults"), test("egress-answers")];
  return [
    ...composition(),
    ...guards([test("gate-wiring")], "check-config", "data-directory"),
    ...guards(
      [
        test("gate-wiring"),
        test("jails", "closing the gate|without a jail"),
        ...["policy", "egress", "broker"].map((name) => test(name)),
      ],
      "gate",
    ),
    ...mutants(
      [test("gate-wiring")],
      `${gate}policy/accepted-rules.ts`,
      withEdits([
        [
          "the record of a rule",
          'await this.#audit.append({ type: "policy.rule_added"',
          'void ({ type: "policy.rule_added"',
        ],
      ]),
    ),
    ...guards(
      [limits, test("approvals")],
      ...["approval-book", "approval-question", "approval-store", "sqlite-records"].map(
        (name) => `approvals/${name}`,
      ),
    ),
    ...guards([{ test: "tests/gate-nodes/approvals.test.ts" }], "approvals/node-approvals"),
    ...mutants([limits], `${gate}approvals/approval-limits.ts`, (path, text) =>
      withoutLimits(path, text, "approvalLimits"),
    ),
    ...guards(
      records,
      ...["audit-log", "audit-reader", "checkpoint-matcher", "checkpoint", "record", "segments"].map(
        (name) => `audit/${name}`,
      ),
    ),
    ...mutants([limits, ...records], `${gate}audit/record.ts`, (path, text) =>
      withoutLimits(path, text, "auditLimits"),
    ),
    ...guards(
      [test("policy"), beside("policy/add-rule")],
      ...["parse-policy", "conditions", "evaluate", "file-policy", "open-policy", "add-rule"].map(
        (name) => `policy/${name}`,
      ),
    ),
    ...mutants([limits], `${gate}policy/rule.ts`, (path, text) => withoutLimits(path, text, "policyLimits")),
    ...guards(
      vault,
      ...["credential-file", "grant-file", "private-file", "credential-vault", "grants", "logins"].map(
        (name) => `vault/${name}`,
      ),
    ),
    ...nodes(),
    ...guards([beside("vault/redaction/byte-search")], "vault/redaction/byte-search"),
    ...secretForms([beside("broker/messages/sanitizer"), ...vault]),
    ...mutants(
      [beside("vault/redaction/secret-scanner"), ...vault],
      `${gate}vault/redaction/secret-scanner.ts`,
      withEdits([
        ["what a chunk ends with", "search.unfinishedIn(all)", "0"],
        ["what goes on in the next chunk", "Math.max(0, from - end)", "0"],
        ["that what touches is one", "span.start > from || !this.#marked", "Date.now() > 0"],
      ]),
    ),
    ...pluginsAndGroups(),
  ];
}

/** What the gates of several nodes share. */
function nodes(): Planned[] {
  const gates = { test: "tests/gate-nodes/gates.test.ts" };
  const ports = { test: "tests/gate-nodes/ports.test.ts" };
  return [
    ...guards([gates], "vault/sealed/cluster-keys", "vault/sealed/sealed-vault", "audit/chains/replicator"),
    ...guards([ports, gates], "egress/metering/shared-budgets", "egress/metering/allowances"),
    ...guards([ports], "broker/rates/shared-rate-limiter"),
    ...mutants(
      [gates],
      `${gate}vault/sealed/sealed-vault.ts`,
      withEdits([["the proof of the key", "await this.#prove();", ""]]),
    ),
    ...mutants(
      [ports],
      `${gate}egress/metering/allowances.ts`,
      withEdits([["what others hold", ".filter(([id]) => id !== holder)", ".filter(() => Date.now() < 0)"]]),
    ),
    ...mutants(
      [gates],
      `${gate}audit/chains/chains.ts`,
      withEdits([
        ["what is not signed", "(await this.#options.archive.end(chain)).checkpoint?.size ?? 0", "1e9"],
      ]),
    ),
  ];
}

function pluginsAndGroups(): Planned[] {
  const manifest = beside("plugins/manifest/manifest");
  const names = (...parts: readonly string[]) => parts.map((part) => `plugins/${part}`);
  const mail = { test: "packages/plugins/src/mail/settings.test.ts" };
  const schedules = { test: "tests/gate-nodes/schedules.test.ts" };
  return [
    ...mutants([limits, manifest], `${gate}plugins/plugin-limits.ts`, (path, text) =>
      withoutLimits(path, text, "pluginLimits"),
    ),
    ...guards([beside("plugins/manifest/names"), manifest, ...plugins], ...names("manifest/names")),
    ...guards(
      [beside("plugins/manifest/plugin-folder"), manifest, ...plugins],
      ...names("manifest/plugin-folder"),
    ),
    ...guards([manifest, ...plugins], ...names("manifest/manifest")),
    ...guards([beside("plugins/manifest/plugin-modules")], ...names("manifest/plugin-modules")),
    ...guards(
      [beside("plugins/manifest/plugin-settings"), test("plugin-faults")],
      ...names("manifest/plugin-settings"),
    ),
    ...guards(
      [beside("plugins/credentials/credentials"), test("plugin-faults")],
      ...names("credentials/credentials"),
    ),
    ...guards([beside("plugins/credentials/connections"), mail], ...names("credentials/connections")),
    ...mutants(
      [beside("plugins/credentials/connections")],
      `${gate}plugins/credentials/connections.ts`,
      withEdits([
        ["the mode of its directory", "await chmod(directory, 0o700);", "await chmod(directory, 0o755);"],
        ["the bound of connections", "server.maxConnections = pluginLimits.maxOpenConnections;", ""],
        [
          "the record before",
          'await audit.append({ type: "plugin.connection", session, data })',
          "({ seq: 0 })",
        ],
        [
          "the record after",
          'await audit.note({ type: "plugin.connection_closed", session, data: { request',
          "void ({ data: { request",
        ],
        ["the end of what is open", "for (const socket of this.#open) socket.destroy();", ""],
        ["the check before", "checkConnections(options.plugin, options.connections);", ""],
      ]),
    ),
    ...guards(
      [test("plugin-installer"), test("plugin-origins")],
      ...names("installer/fetch-plugin", "installer/installer"),
    ),
    ...guards([beside("plugins/publisher")], ...names("publisher")),
    ...guards([beside("plugins/shared-plugins")], ...names("shared-plugins")),
    ...guards([test("plugin-installer"), ...plugins], ...names("tool-names")),
    ...guards(
      [test("plugin-refusals"), test("plugin-faults"), schedules, ...plugins],
      ...names("managed-plugin", "plugin-answers", "plugin-audit", "plugin-calls", "plugin-host"),
      ...names("process/plugin-supervisor"),
    ),
    ...guards([test("plugin-process"), test("plugin-faults")], ...names("process/plugin-process")),
    ...["group-events", "group-settings"].flatMap((name) =>
      mutants([studio], `${groups}${name}.ts`, withoutGuards, withoutRefusals),
    ),
    ...["group-inbox", "group-registry", "webhook-secret", "resolve-session"].flatMap((name) =>
      mutants([studio, groupInbox, groupServer], `${groups}${name}.ts`, withoutGuards, withoutRefusals),
    ),
    ...mutants(
      [studio, groupInbox, groupServer],
      `${groups}group-events.ts`,
      withEdits([
        ["taint of events", "...(trusted ? {} : { taint:", "...(true ? {} : { taint:"],
        ["taint of webhooks", "taint: `webhook", "untold: `webhook"],
        [
          "marks around words of others",
          'trusted ? String(payload["prompt"]) : describeEvent(envelope)',
          'String(payload["prompt"])',
        ],
        ["the plugins of a group", "(group.plugins === undefined || group.plugins.includes(plugin))", "true"],
        ["the bound of words", "text.length > maxUntrustedCharacters", "Date.now() < 0"],
        ["plain lines", '.replace(/[\\p{Cc}\\p{Cf}\\u2028\\u2029]+/gu, " ")', ""],
      ]),
    ),
  ];
}

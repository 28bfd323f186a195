/** What the host keeps and decides by: records, approvals, rules, secrets, plugins, groups, and how they are joined. */
import { withEdits, withoutGuards, withoutLimits, withoutRefusals } from "./mutant.ts";
import { beside, gate, groups, guards, limits, mutants, type Planned, test } from "./planned.ts";

const plugins = ["plugin-corners", "plugin-installer", "plugin-faults", "plugin-peer", "plugin-reload"].map(
  (name) => test(name),
);
const groupServer = { test: "packages/studio/tests/groups.test.ts" };
const studio = { test: `${groups}groups.test.ts` };

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
        "started: (jail) => broker.jailStarted(jail, !driver.unsafe),",
        "started: () => {},",
      ],
      ["who may connect no more", "ended: (jailId) => broker.jailEnded(jailId),", "ended: () => {},"],
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
      [
        "the record of a rule",
        'await audit.append({ type: "policy.rule_added"',
        'void ({ type: "policy.rule_added"',
      ],
      ["the end of jails", "await this.jails.close();", ""],
    ]),
  );
}

export function host(): Planned[] {
  const records = [test("audit"), test("audit-checkpoints")];
  const vault = [test("vault"), test("vault-faults"), test("egress-answers")];
  return [
    ...composition(),
    ...guards(
      [
        test("gate-wiring"),
        test("jails", "closing the gate|without a jail"),
        ...["policy", "egress", "broker"].map((name) => test(name)),
      ],
      "gate",
    ),
    ...guards([limits, test("approvals")], "approvals/approval-store"),
    ...mutants([limits], `${gate}approvals/approval-store.ts`, (path, text) =>
      withoutLimits(path, text, "approvalLimits"),
    ),
    ...guards(
      records,
      ...["audit-log", "audit-reader", "checkpoint", "record", "segments"].map((name) => `audit/${name}`),
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
      ...["credential-file", "credential-vault", "grants", "logins"].map((name) => `vault/${name}`),
    ),
    ...guards([beside("vault/byte-search")], "vault/byte-search"),
    ...mutants(
      [beside("broker/sanitizer"), ...vault],
      `${gate}vault/secrets.ts`,
      withEdits([
        ["the value itself", "    value,\n    JSON", "    JSON"],
        ["escapes of JSON", "    JSON.stringify(value).slice(1, -1),\n", ""],
        ["escapes of addresses", "    encodeURIComponent(value),\n", ""],
        ["hex", '    bytes.toString("hex"),\n', ""],
        ["capital hex", '    bytes.toString("hex").toUpperCase(),\n', ""],
        ["what is reversed", '    [...value].reverse().join(""),\n', ""],
        ["the alignments of base64", "shift < 3;", "shift < 1;"],
        ["base64 for addresses", '["base64", "base64url"]', '["base64"]'],
        ["base64", '["base64", "base64url"]', '["base64url"]'],
      ]),
    ),
    ...mutants(
      [beside("vault/secret-scanner"), ...vault],
      `${gate}vault/secret-scanner.ts`,
      withEdits([
        ["what a chunk ends with", "search.unfinishedIn(all)", "0"],
        ["what goes on in the next chunk", "Math.max(0, from - end)", "0"],
        ["that what touches is one", "span.start > from || !this.#marked", "Date.now() > 0"],
      ]),
    ),
    ...pluginsAndGroups(),
  ];
}

function pluginsAndGroups(): Planned[] {
  const manifest = beside("plugins/manifest");
  const names = (...parts: readonly string[]) => parts.map((part) => `plugins/${part}`);
  const mail = { test: "packages/plugins/src/mail/settings.test.ts" };
  return [
    ...mutants([limits, manifest], `${gate}plugins/plugin-limits.ts`, (path, text) =>
      withoutLimits(path, text, "pluginLimits"),
    ),
    ...guards([beside("plugins/names"), manifest, ...plugins], ...names("names")),
    ...guards([beside("plugins/plugin-folder"), manifest, ...plugins], ...names("plugin-folder")),
    ...guards([manifest, ...plugins], ...names("manifest", "plugin-modules")),
    ...guards(
      [beside("plugins/plugin-settings"), test("plugin-faults")],
      ...names("plugin-settings", "credentials"),
    ),
    ...guards([beside("plugins/connections"), mail], ...names("connections")),
    ...mutants(
      [beside("plugins/connections")],
      `${gate}plugins/connections.ts`,
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
    ...guards([test("plugin-installer")], ...names("installer/fetch-plugin", "installer/installer")),
    ...guards(
      [test("plugin-faults"), ...plugins],
      ...names("managed-plugin", "plugin-answers", "plugin-host", "plugin-process", "publisher"),
    ),
    ...["group-events", "group-settings"].flatMap((name) =>
      mutants([studio], `${groups}${name}.ts`, withoutGuards, withoutRefusals),
    ),
    ...["group-inbox", "group-book", "webhook-secret", "resolve-session"].flatMap((name) =>
      mutants([studio, groupServer], `${groups}${name}.ts`, withoutGuards, withoutRefusals),
    ),
    ...mutants(
      [studio, groupServer],
      `${groups}group-events.ts`,
      withEdits([
        ["taint of events", "...(clean ? {} : { taint:", "...(true ? {} : { taint:"],
        ["taint of webhooks", "taint: `webhook", "untold: `webhook"],
        [
          "marks around words of others",
          'clean ? String(payload["prompt"]) : outside(envelope)',
          'String(payload["prompt"])',
        ],
        ["the plugins of a group", "(group.plugins === undefined || group.plugins.includes(plugin))", "true"],
        ["the bound of words", "words.length > maxOutsideCharacters", "Date.now() < 0"],
        ["plain lines", '.replace(/[\\p{Cc}\\p{Cf}\\u2028\\u2029]+/gu, " ")', ""],
      ]),
    ),
  ];
}

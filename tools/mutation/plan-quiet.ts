/** Mutants of protections without a visible refusal: scope of rules, displayed text, retention, and propagation. */
import { type Edit, withEdits } from "./mutant.ts";
import { beside, gate, mutants, type Planned, test } from "./planned.ts";

const edits = (checks: Planned["checks"], name: string, list: readonly Edit[]) =>
  mutants(checks, `${gate}${name}.ts`, withEdits(list));

function decisions(): Planned[] {
  const checks = [test("policy"), test("broker")];
  return [
    ...edits(checks, "policy/evaluate", [
      [
        "the tools of a rule",
        "!rule.tools.some((each) => matchesGlob(each, question.tool.name))",
        "Date.now() < 0",
      ],
      ["the subjects of a rule", "!isSubject(rule, question.principal)", "Date.now() < 0"],
      [
        "taint in a rule",
        "rule.tainted !== undefined && rule.tainted !== question.tainted",
        "Date.now() < 0",
      ],
      ["the strictest", "strictness[b.action] > strictness[a.action] ? b : a", "a"],
      ["the question of high risk", 'if (tool.riskLevel === "high") {', "if (Date.now() < 0) {"],
      ["the question of taint", "if (tainted && tool.plugin", "if (Date.now() < 0 && tool.plugin"],
      ["the default where all is unclear", "if (!decided) {", "if (decisions.length === 0) {"],
    ]),
    ...edits(checks, "policy/glob", [
      ["the end of a name", "return token === tokens.length;", "return true;"],
      ["the whole of a subject", ": subject === pattern", ": subject.startsWith(pattern)"],
    ]),
    ...edits([test("approvals"), test("policy")], "approvals/display-text", [
      ["hidden characters", ".replace(hidden, (", ".replace(/$^/gu, ("],
      ["letters that pass for others", "markLookalikes(start, escapeCharacter)", "start"],
      ["what is cut off", "truncated: true }", "truncated: false }"],
    ]),
    ...edits([beside("broker/call-cache")], "broker/call-cache", [
      ["the count of answers", "this.#answered.size <= brokerLimits.maxKeptAnswers && ", ""],
      ["the bytes of answers", " && this.#bytes <= brokerLimits.maxKeptBytes", ""],
      ["the time of answers", "now - answered.at > brokerLimits.keptAnswerMs", "Date.now() < 0"],
    ]),
  ];
}

/** Inputs of a plugin's process, and its requests and answers. */
function plugins(): Planned[] {
  const checks = ["plugin-faults", "plugin-refusals", "plugin-egress", "plugin-peer"].map((name) =>
    test(name),
  );
  return [
    ...edits([test("plugin-launcher"), ...checks], "plugins/process/launcher", [
      [
        "a folder that is only read",
        'target: inside.plugin, mode: "ro"',
        'target: inside.plugin, mode: "rw"',
      ],
      ["the bound of memory", "        memoryBytes: pluginLimits.memoryBytes,\n", ""],
      ["the bound of processes", "        pids: pluginLimits.pids,\n", ""],
      ["the bound of temporary files", "        tmpBytes: pluginLimits.tmpBytes,\n", ""],
      ["public addresses of a manifest", "publicOnly: true,", "publicOnly: false,"],
    ]),
    ...edits([test("plugin-launcher"), test("plugin-disk")], "plugins/process/launcher", [
      ["the bound of its data", "        diskBytes: grant.diskBytes ?? pluginLimits.diskBytes,\n", ""],
      [
        "the bound of how many files its data are",
        "        diskEntries: grant.diskEntries ?? pluginLimits.diskEntries,\n",
        "",
      ],
    ]),
    ...edits(checks, "plugins/plugin-answers", [
      ["the gate's own codes", 'pipelineCodes.has(code) ? "HANDLER_ERROR" : code', "code"],
    ]),
    ...edits([test("plugin-refusals")], "plugins/plugin-audit", [
      [
        "what is on record of other plugins",
        'data?.["plugin"] === plugin && data["group"]',
        'data?.["group"]',
      ],
      ["what is on record of other groups", '&& data["group"] === group', ""],
      [
        "the last calls",
        'type: "tool.call", limit: maxSearchedRecords, newest: true',
        'type: "tool.call", limit: maxSearchedRecords',
      ],
    ]),
    ...edits([beside("plugins/credentials/credentials")], "plugins/credentials/credentials", [
      ["the bound of what is read", "|| stat.size > pluginLimits.maxCredentialBytes", ""],
      [
        "the mode of its folder",
        "await chmod(this.folder(plugin), 0o700);",
        "await chmod(this.folder(plugin), 0o755);",
      ],
    ]),
    ...edits([test("plugin-installer")], "plugins/installer/installer", [
      [
        "the settings of a repository",
        'await rm(join(directory, "config.json"), { recursive: true, force: true });',
        "",
      ],
      ["new ways out", '    ...added("connects to", ways(before), ways(after)),\n', ""],
      ["new credentials", '    ...added("the credential", keys(before), keys(after)),\n', ""],
      [
        "credentials that are presented now",
        '    ...added("presents the credential", presented(before), presented(after)),\n',
        "",
      ],
      ["credentials that the handler gets now", "    ...newlyRead(before, after),\n", ""],
      ["every credential", '? ["reads every credential"]', "? []"],
      [
        "topics that it hears of now",
        "after.subscribes.filter((topics) => !covered(topics))",
        "[].filter(() => false)",
      ],
      [
        "new channels",
        '    ...added("publishes as", before.provides.channels, after.provides.channels),\n',
        "",
      ],
      ["calls that nobody is asked about any more", "    ...noLongerAsked,\n", ""],
      ["untrusted content that is trusted now", "    ...trusted,\n", ""],
      ["new groups", "    ...groups,\n", ""],
      ["every group", '? ["every group"]', "? []"],
    ]),
  ];
}

/** Consequences and reporting of faults, and recovery by the next host. */
function faults(): Planned[] {
  const faulty = test("plugin-faults");
  return [
    ...edits(
      [beside("plugins/managed-plugin"), faulty, test("plugin-peer")],
      "plugins/process/plugin-supervisor",
      [
        [
          "secrets in why it does not start",
          "failureOf(error, this.#ports.redact)",
          "failureOf(error, String)",
        ],
        ["secrets in what a process printed", "printed: redact(output)", "printed: output"],
      ],
    ),
    ...edits([beside("plugins/managed-plugin"), faulty, test("plugin-peer")], "plugins/plugin-calls", [
      ["secrets in what a handler threw", "detail: redact(detail)", "detail"],
      ["secrets in what verify() says", "message: redact(String(value.message))", "message: value.message"],
      ["secrets in what verify() adds", "Object(redacted(detail, redact))", "detail"],
    ]),
    ...edits([beside("plugins/managed-plugin"), faulty], "plugins/event-queue", [
      ["secrets in why it takes no event", "error: redact(String(error))", "error: String(error)"],
    ]),
    ...edits([beside("plugins/process/circuit-breaker"), faulty], "plugins/process/circuit-breaker", [
      ["the rest", "this.#crashes.length >= pluginLimits.maxCrashes", "Date.now() < 0"],
      ["the end of the rest", "this.#pausedUntil - this.#clock.now()", "this.#pausedUntil"],
      ["the window", "Math.abs(now - at) < pluginLimits.crashWindowMs", "Date.now() > 0"],
      ["a new beginning", "this.#crashes = [];\n    this.#pausedUntil = 0;", ""],
    ]),
    ...edits([beside("jail/resources/cgroups")], "jail/resources/cgroups", [
      ["the bound of processes", 'files.push(["pids.max", String(limits.pids), true]);', "{}"],
      ["the bound of memory, version 1", '["memory.limit_in_bytes", bytes, true], ', ""],
      ["the bound of memory, version 2", '["memory.max", bytes, true], ', ""],
      ["the quota of a CPU, version 1", 'files.push(["cpu.cfs_quota_us", String(cpuQuota), true]);', ""],
      ["the period of a CPU", 'files.push(["cpu.cfs_period_us", String(cpuPeriodMicroseconds), true]);', ""],
      ["the quota of a CPU, version 2", 'files.push(["cpu.max",', 'void (["cpu.max",'],
      ["the bounds of reads and writes", "files.push([file, line, true]);", "void [file, line];"],
      ["the groups of others", "made.push(path);", "made.push(...groups.map((group) => group.path));"],
    ]),
    ...edits([beside("jail/orphans"), test("jails", "what a killed host left")], "jail/orphans", [
      ["the boot of a record", "record.bootId === bootId()", "Date.now() > 0"],
      ["whose groups they are", 'path.startsWith("/") && path.includes("/holdfast-")', "path.length > 0"],
      ["where groups are", 'path.startsWith("/") && ', ""],
      ["the version of a record", "version !== 1 || ", ""],
      ["that a record is told once", "      rmSync(join(this.#directory, name), { force: true });\n", ""],
      ["the end of processes", "for (const pid of marked) kill(pid);", ""],
      ["the mode of their folder", "{ recursive: true, mode: 0o700 }", "{ recursive: true }"],
      ["the mode of a record", "JSON.stringify(record), { mode: 0o600 }", "JSON.stringify(record)"],
    ]),
    ...edits([test("unconfined")], "jail/orphans", [
      ["the end of what ran without a jail", "for (const pid of left) kill(pid);", ""],
    ]),
  ];
}

/** Protection of the gate's files from other users of the machine. */
function modes(): Planned[] {
  const checks = [test("file-modes")];
  const closed = "chmodSync(path, 0o600);";
  return [
    ...edits(checks, "approvals/approval-store", [["the mode of the approvals", closed, ""]]),
    ...edits(checks, "broker/taint", [["the mode of the taint", closed, ""]]),
    ...edits(checks, "egress/metering/budget-ledger", [["the mode of what was used", closed, ""]]),
    ...edits(checks, "broker/rates/rate-limiter", [
      ["the mode of the rates", "text, { mode: 0o600 }", "text"],
    ]),
    ...edits(checks, "audit/audit-log", [["the mode of the log", '(path, "a+", 0o600)', '(path, "a+")']]),
    ...edits(checks, "audit/checkpoint", [
      ["the mode of the checkpoints", '(path, "a+", 0o600)', '(path, "a+")'],
    ]),
    ...edits(checks, "vault/private-file", [
      ["the mode of a secret", 'open(temporary, "wx", 0o600))', 'open(temporary, "wx"))'],
      [
        "the mode of a secret that is stored",
        'openSync(temporary, "wx", 0o600)',
        'openSync(temporary, "wx")',
      ],
    ]),
    ...edits(checks, "broker/broker", [
      ["the mode of the folder of sockets", "{ mode: 0o700 }", "{ mode: 0o777 }"],
    ]),
  ];
}

export function quiet(): Planned[] {
  return [
    ...decisions(),
    ...plugins(),
    ...faults(),
    ...modes(),
    ...edits([beside("socket-folder")], "socket-folder", [
      ["the mode of the folder of sockets", "await mkdir(path, { mode: 0o700 })", "await mkdir(path)"],
    ]),
  ];
}

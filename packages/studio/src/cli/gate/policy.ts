import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  dataDirectoryOf,
  harmless,
  jsonLine,
  noArguments,
  oneArgument,
  parse,
  UsageError,
  verbOf,
} from "@holdfast/cli";
import { HoldfastError, isErrorCode } from "@holdfast/core";
import {
  coreToolNames,
  type DryRunRow,
  dryRunPolicy,
  type Evaluation,
  evaluatePolicy,
  openAudit,
  type PolicyRule,
  type PolicyRules,
  parsePolicy,
  policyFile,
  withAcceptedRules,
} from "@holdfast/gate";
import { listPlugins } from "@holdfast/gate/plugin-kit";
import { pluginsDirectory } from "@holdfast/plugins";
import { operator } from "../../access/person.ts";
import type { AcceptedRuleView } from "../../contract/administration.ts";
import { withOwnerAccess } from "../server/owner.ts";
import { gateNodeOf } from "./gate-of.ts";

export const policyUsage = `holdfast policy check | explain --tool NAME | dry-run --file NEW.json | accepted | remove ID

  check                validates the policy file; exit code 1 if it cannot be used
  explain              shows the decision for a call, and the rule behind it. Nothing is called.
                       Exit code 1 if the call would be forbidden. On a node of a cluster, with the
                       rules that people accepted at any node, unless --file is given
    --tool NAME        the tool
    --arguments JSON   its arguments; without them, rules that depend on arguments are marked
    --user, --agent, --group, --session, --organization NAME   the caller (group: default)
    --tainted          the session contains untrusted content
    --risk LEVEL       low or high, for a tool that no installed plugin has
  dry-run              replays the tool calls of the audit log against another file, and lists the
                       decisions that would change. The audit log contains no arguments
  accepted             lists the rules that people accepted ("Always allow"), with who and when
  remove ID            removes one of them: calls like it are asked about again
  --file FILE          a policy file other than ${join("DATA", policyFile)}
  --data DIR           data directory (default: HOLDFAST_DATA or .holdfast)
  --json               machine-readable output

All commands can be used while a server runs.`;

const options = {
  tool: { type: "string" },
  arguments: { type: "string" },
  user: { type: "string" },
  agent: { type: "string" },
  group: { type: "string" },
  session: { type: "string" },
  organization: { type: "string" },
  tainted: { type: "boolean" },
  risk: { type: "string" },
  file: { type: "string" },
} as const;

type Values = ReturnType<typeof parse<typeof options>>["values"];

export async function policyCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, options);
  const [verb, ...rest] = positionals;
  if (values.help === true) {
    console.log(policyUsage);
    return 0;
  }
  const known = verbOf("policy", ["check", "explain", "dry-run", "accepted", "remove"], verb);
  if (known === "remove") return remove(values, oneArgument(rest, "The id of the rule"));
  noArguments(rest);
  switch (known) {
    case "accepted":
      return listAccepted(values);
    case "check":
      return check(values);
    case "explain":
      return explain(values);
    case "dry-run":
      return dryRun(values);
  }
}

async function listAccepted(values: Values): Promise<number> {
  return withOwnerAccess({ data: values.data }, async ({ client }) => {
    const rules = await client.administration.acceptedRules();
    for (const rule of rules) console.log(values.json === true ? jsonLine(rule) : acceptedText(rule));
    if (rules.length === 0 && values.json !== true) console.log("No rules were accepted.");
    return 0;
  });
}

function acceptedText({
  id,
  tools,
  conditions,
  isInForce,
  acceptedAt,
  acceptedBy,
  ...rule
}: AcceptedRuleView) {
  const { name = acceptedBy === operator.id ? "the operator" : acceptedBy, task } = rule;
  const by = name === undefined ? "" : ` by ${name}`;
  const where = task === undefined ? "" : ` in ${task}`;
  const when = acceptedAt === undefined ? "" : `accepted ${new Date(acceptedAt).toISOString()}${by}${where}`;
  const force = isInForce ? "" : "not in force, as the policy file contradicts it";
  const lines = [when, force, ...conditions].filter((line) => line !== "");
  return harmless([`${id}  ${tools.join(", ")}`, ...lines.map((line) => `    ${line}`)].join("\n"));
}

async function remove(values: Values, id: string): Promise<number> {
  return withOwnerAccess({ data: values.data }, async ({ client }) => {
    await client.administration.removeAcceptedRule(id);
    console.log(values.json === true ? jsonLine({ id, removed: true }) : "The rule was removed.");
    return 0;
  });
}

interface LoadedPolicy extends PolicyRules {
  readonly path: string;
  /** False if there is no file, so that the defaults apply. */
  readonly found: boolean;
}

async function load(values: Values): Promise<LoadedPolicy> {
  const path = values.file ?? join(dataDirectoryOf(values.data), policyFile);
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (!absent || values.file !== undefined) throw new UsageError(`${path} cannot be read`);
    return { path, found: false, version: 1, rules: [] };
  }
  try {
    return { path, found: true, ...parsePolicy(bytes) };
  } catch (error) {
    // The parser's errors name the default file; replace it by the actual path.
    if (values.file === undefined || !isErrorCode(error, "policy", "invalid_file")) throw error;
    const message = error.message.replace(policyFile, () => path);
    throw new HoldfastError("policy", "invalid_file", message, { cause: error });
  }
}

/**
 * The accepted rules that are in force beside the file of a node; undefined on one machine, and for another file. Throws
 * `vault.node_not_running`.
 */
async function acceptedRules({ file, data }: Values): Promise<readonly PolicyRule[] | undefined> {
  return file === undefined ? gateNodeOf(dataDirectoryOf(data))?.policyRules() : undefined;
}

async function check(values: Values): Promise<number> {
  const { path, found, rules } = await load(values);
  const accepted = await acceptedRules(values).catch((error: unknown) => {
    // The file can be checked all the same.
    if (isErrorCode(error, "vault", "node_not_running")) return undefined;
    throw error;
  });
  // A rule that one of the file contradicts is not in force.
  const inForce = accepted && withAcceptedRules(rules, accepted).length - rules.length;
  if (values.json === true) {
    const counted = inForce === undefined ? {} : { accepted: inForce };
    console.log(jsonLine({ ok: true, path, found, rules: rules.length, ...counted }));
    return 0;
  }
  if (found) console.log(`ok: ${rules.length} rules in ${path}`);
  else console.log(`${path} does not exist. By default, low risk is allowed and high risk needs approval.`);
  if (inForce !== undefined)
    console.log(`${inForce} rules that people accepted at any node are in force, too.`);
  return 0;
}

async function explain(values: Values): Promise<number> {
  if (values.tool === undefined) throw new UsageError("--tool is missing");
  const { rules: rulesOfFile } = await load(values);
  const rules = withAcceptedRules(rulesOfFile, (await acceptedRules(values)) ?? []);
  const tool = await resolveTool(values.tool, values);
  const { user, agent, organization, session, group = "default" } = values;
  const evaluation = evaluatePolicy(rules, {
    tool,
    arguments: parseArguments(values.arguments),
    principal: {
      group,
      ...(user === undefined ? {} : { user }),
      ...(agent === undefined ? {} : { agent }),
      ...(organization === undefined ? {} : { organization }),
      ...(session === undefined ? {} : { session }),
    },
    tainted: values.tainted === true,
  });
  if (values.json === true) {
    console.log(jsonLine({ ...evaluation, risk: tool.riskLevel, riskKnown: tool.known }));
  } else {
    printEvaluation(evaluation);
    if (!tool.known)
      console.log("No installed plugin has this tool, so high risk is assumed (override it with --risk).");
  }
  return evaluation.action === "deny" ? 1 : 0;
}

function printEvaluation({ action, rule, reason, possible, steps }: Evaluation): void {
  console.log(`${action}  ${rule}`);
  console.log(harmless(reason));
  for (const step of steps) {
    if (step.matched === true) console.log(`  ${step.rule}: decides (${step.action})`);
    else if (step.matched === false)
      console.log(`  ${step.rule}: does not match the ${nouns[step.because ?? "tool"]}`);
    else console.log(`  ${step.rule}: depends on the arguments (${step.action})`);
  }
  if (possible.length > 1)
    console.log(`The result can be ${possible.join(" or ")}. The strictest one applies.`);
}

const nouns = {
  tool: "tool",
  subject: "caller",
  tainted: "state of the session",
  arguments: "call",
} as const;

function parseArguments(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError("--arguments must be a JSON object");
  }
  return value;
}

/** Looks up a tool: the gate's own tools by name, others in the manifests of the plugins. */
async function resolveTool(name: string, { risk, data }: Values) {
  if (risk !== undefined && risk !== "low" && risk !== "high")
    throw new UsageError("--risk must be low or high");
  const dataDirectory = dataDirectoryOf(data);
  const plugins = await listPlugins({
    builtIn: pluginsDirectory,
    user: join(dataDirectory, "plugins"),
    credentials: join(dataDirectory, "credentials", "plugins"),
  });
  const plugin = plugins.find(({ tools }) => tools.some((each) => each.name === name));
  if (plugin === undefined && coreTools.has(name))
    return { name, plugin: "core", riskLevel: risk ?? "low", known: true } as const;
  const riskLevel = risk ?? plugin?.tools.find((each) => each.name === name)?.risk ?? "high";
  const known = plugin !== undefined || risk !== undefined;
  return { name, plugin: plugin?.name ?? "", riskLevel, known };
}

const coreTools: ReadonlySet<string> = new Set(coreToolNames);

async function dryRun(values: Values): Promise<number> {
  if (values.file === undefined) throw new UsageError("--file is missing");
  const { rules } = await load(values);
  const reader = await openAudit(dataDirectoryOf(values.data));
  const counts = { same: 0, changed: 0, depends: 0 };
  const json = values.json === true;
  for await (const row of dryRunPolicy(reader.records({ type: "tool.*" }), rules)) {
    counts[row.outcome] += 1;
    if (row.outcome === "same") continue;
    console.log(json ? jsonLine(row) : formatChange(row));
  }
  if (json) console.log(jsonLine({ summary: counts }));
  else
    console.log(
      `${counts.changed} change, ${counts.depends} depend on arguments, ${counts.same} do not change`,
    );
  return 0;
}

function formatChange({ seq, at, tool, session, before, after, outcome, possible }: DryRunRow): string {
  const then =
    outcome === "depends"
      ? `depends on arguments: ${possible.join(" or ")}`
      : `${after.action} (${after.rule})`;
  const when = new Date(at).toISOString();
  return harmless(`${seq}  ${when}  ${tool}  ${session}  ${before.action} (${before.rule}) -> ${then}`);
}

import { statfs } from "node:fs/promises";
import type { Gate } from "@holdfast/gate";
import type { AgentCatalogue } from "./agents.ts";
import { commandHint } from "./command-hint.ts";
import type { BudgetList } from "./contract/usage.ts";
import type { SystemCheck, SystemStatus } from "./contract.ts";
import type { Git } from "./git/git.ts";
import { studioVersion } from "./version.ts";

export interface StatusOptions {
  readonly gate: Gate;
  readonly git: Git;
  readonly catalogue: AgentCatalogue;
  readonly dataDirectory: string;
  readonly startedAt: number;
  /** The budgets that people have set. */
  readonly budgets: () => Promise<BudgetList>;
  /** Name of this node, if there are several. */
  readonly node?: string;
}

/** The status of the machine that answers. */
export type MachineStatus = Omit<SystemStatus, "sandboxes" | "unanswered">;

const lowDiskBytes = 1024 * 1024 * 1024;

/** Checks for the system screen and `holdfast doctor`, each with its fix. */
export async function systemStatus(
  options: StatusOptions,
  tasks: SystemStatus["tasks"],
): Promise<MachineStatus> {
  const { gate } = options;
  const status = await gate.status();
  const checks = await Promise.all([
    jailCheck(status, options.dataDirectory),
    ...status.stages
      .filter(({ name }) => name !== "jails")
      .map((stage) => stageCheck(stage, options.dataDirectory)),
    gitCheck(options.git),
    diskCheck(options.dataDirectory),
    agentsCheck(options),
    modelsCheck(status, options.dataDirectory),
    ...budgetsCheck(status, options.dataDirectory),
    peopleBudgetsCheck(await options.budgets()),
  ]);
  return {
    version: studioVersion,
    ...(options.node === undefined ? {} : { node: options.node }),
    startedAt: options.startedAt,
    dataDirectory: options.dataDirectory,
    checks: checks.filter((check) => check !== undefined),
    tasks,
    memoryBytes: process.memoryUsage.rss(),
    unsafe: status.unsafe,
  };
}

type GateStatus = Awaited<ReturnType<Gate["status"]>>;

function jailCheck(status: GateStatus, dataDirectory: string): SystemCheck {
  if (status.unsafe) {
    return {
      id: "jails",
      name: "Jails",
      status: "failed",
      detail: "Agents run without a jail, with your user's permissions (--unsafe-no-jail)",
      fix: "Start without --unsafe-no-jail",
    };
  }
  const jails = status.stages.find(({ name }) => name === "jails");
  if (jails?.inForce === false) {
    const fix = "Fix the problem, then restart. Agents cannot start until then.";
    return { id: "jails", name: "Jails", status: "failed", detail: jails.detail, fix };
  }
  const missing = status.guarantees.filter((guarantee) => !guarantee.held);
  return {
    id: "jails",
    name: "Jails",
    status: missing.length === 0 ? "ok" : "warning",
    detail:
      missing.length === 0
        ? `${status.driver}: ${status.guarantees.length} guarantees proven on this machine`
        : `${status.driver}; not guaranteed: ${missing.map(({ name, detail }) => `${name} (${detail})`).join("; ")}`,
    ...(missing.length === 0 ? {} : { fix: commandHint("doctor", dataDirectory) }),
  };
}

function stageCheck(
  { name, inForce, detail }: GateStatus["stages"][number],
  dataDirectory: string,
): SystemCheck {
  return {
    id: name,
    name: name.charAt(0).toUpperCase() + name.slice(1),
    status: inForce ? "ok" : "failed",
    detail,
    ...(inForce ? {} : { fix: commandHint("doctor", dataDirectory) }),
  };
}

async function gitCheck(git: Git): Promise<SystemCheck> {
  try {
    return { id: "git", name: "Git", status: "ok", detail: await git.text(["--version"]) };
  } catch {
    const fix = "sudo apt-get install --yes git";
    return { id: "git", name: "Git", status: "failed", detail: "Git cannot be run", fix };
  }
}

async function diskCheck(directory: string): Promise<SystemCheck> {
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  const detail = `${(free / 1024 ** 3).toFixed(1)} GiB free in ${directory}`;
  const hasSpace = free > lowDiskBytes;
  return {
    id: "disk",
    name: "Disk",
    status: hasSpace ? "ok" : "warning",
    detail,
    ...(hasSpace ? {} : { fix: "Free some space, or choose another data directory with HOLDFAST_DATA" }),
  };
}

async function agentsCheck({ catalogue, dataDirectory }: StatusOptions): Promise<SystemCheck> {
  const installed = (await catalogue.list()).filter((agent) => agent.installed);
  const usable = installed.filter((agent) => agent.id !== "demo");
  return {
    id: "agents",
    name: "Agents",
    status: usable.length > 0 ? "ok" : "warning",
    detail: `Installed: ${installed.map((agent) => agent.name).join(", ")}`,
    ...(usable.length > 0 ? {} : { fix: commandHint("agents install codex", dataDirectory) }),
  };
}

/** The state of each budget; no check if none is configured. */
function budgetsCheck({ budgets }: GateStatus, dataDirectory: string): SystemCheck[] {
  if (budgets.length === 0) return [];
  const isExhausted = budgets.some(({ tokens, costMicros, spent }) => {
    const remaining = [
      tokens === undefined ? 1 : 1 - spent.tokens / tokens,
      costMicros === undefined ? 1 : 1 - spent.costMicros / costMicros,
    ];
    return !(Math.min(...remaining) > 0);
  });
  return [
    {
      id: "budgets",
      name: "Budgets",
      status: isExhausted ? "warning" : "ok",
      detail: budgets.map(budgetText).join("; "),
      ...(isExhausted ? { fix: commandHint("egress status", dataDirectory) } : {}),
    },
  ];
}

function budgetText({ scope, subject, period, tokens, costMicros, spent }: GateStatus["budgets"][number]) {
  const dollars = (micros: number) => `$${(micros / 1_000_000).toFixed(2)}`;
  const parts = [
    ...(tokens === undefined ? [] : [`${spent.tokens} of ${tokens} tokens`]),
    ...(costMicros === undefined ? [] : [`${dollars(spent.costMicros)} of ${dollars(costMicros)}`]),
  ];
  return `${scope} ${subject}, ${period}: ${parts.join(", ")}`;
}

/** The budgets that are nearly or completely used up; no check if none is set. Exported for tests. */
export function peopleBudgetsCheck({ budgets, uses }: BudgetList): SystemCheck | undefined {
  if (budgets.length === 0) return undefined;
  const full = uses.filter(({ state }) => state !== "ok");
  const detail = full
    .slice(0, 5)
    .map(({ name, used, state }) =>
      state === "exceeded"
        ? `The budget of ${name} is used up: no turn begins`
        : `${Math.round(used * 100)} % of the budget of ${name} is used`,
    );
  return {
    id: "people-budgets",
    name: "Budgets of people",
    status: full.length > 0 ? "warning" : "ok",
    detail: full.length > 0 ? detail.join("; ") : `${budgets.length} set, none nearly used up`,
    ...(full.length > 0 ? { page: "budgets" as const } : {}),
  };
}

/** Lists how each available provider is configured, and only the names of the others. Exported for tests. */
export function modelsCheck(
  { providers }: Pick<GateStatus, "providers">,
  dataDirectory: string,
): SystemCheck {
  const available = providers.filter((provider) => provider.available);
  const unavailable = providers.filter((provider) => !provider.available).map(({ provider }) => provider);
  const detail = [
    ...available.map(({ provider, detail }) => `${provider}: ${detail}`),
    ...(unavailable.length === 0
      ? []
      : [`not set up: ${unavailable.join(", ")} (${commandHint("auth status", dataDirectory)})`]),
  ].join("; ");
  return {
    id: "models",
    name: "Models",
    status: available.length > 0 ? "ok" : "warning",
    detail,
    ...(available.length > 0 ? {} : { fix: commandHint("auth api-key anthropic", dataDirectory) }),
  };
}

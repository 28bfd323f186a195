import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GateConfig } from "../config.ts";
import { createGate } from "../gate.ts";
import type { Attack, AttackReport, AttackResult } from "./attack.ts";
import { desktopAttacks } from "./desktop.ts";
import { filesystemAttacks } from "./filesystem.ts";
import { kernelAttacks } from "./kernel.ts";
import { AttackTools } from "./lab/attack-tools.ts";
import { type EchoUpstream, startEchoUpstream } from "./lab/echo-upstream.ts";
import { encodingsOf } from "./lab/encodings.ts";
import { AttackNames } from "./lab/host-names.ts";
import { AttackLab } from "./lab/lab.ts";
import { NotApplicable } from "./lab/not-tried.ts";
import { networkAttacks } from "./network.ts";
import { pluginAttacks, writeCrashingPlugin } from "./plugins.ts";
import { protocolAttacks } from "./protocol.ts";
import { publishAttacks } from "./publish.ts";
import { resourceAttacks } from "./resources.ts";
import { secretAttacks } from "./secrets.ts";
import { tunnelAttacks } from "./tunnels.ts";

/** All attempts that the gate must stop, in the order of the documentation. */
export const gateAttacks: readonly Attack[] = [
  ...networkAttacks,
  ...tunnelAttacks,
  ...publishAttacks,
  ...secretAttacks,
  ...kernelAttacks,
  ...filesystemAttacks,
  ...resourceAttacks,
  ...protocolAttacks,
  ...pluginAttacks,
  ...desktopAttacks,
];

/** Options of an attack run. */
export interface RunAttacksOptions {
  /** {@link gateAttacks} by default. */
  readonly attacks?: readonly Attack[];
  readonly jails?: GateConfig["jails"];
  /** Directory of the built-in plugins. Attempts that need one are skipped without it. */
  readonly builtInPlugins?: string;
  /** Called after each attempt. */
  readonly onResult?: (result: AttackResult) => void;
}

/**
 * Runs every attack from inside real jails of a gate created by {@link createGate}, with secrets planted on the host,
 * in a temporary data directory. Takes ten to twenty seconds. Throws the errors of `createGate`.
 */
export async function runAttacks(options: RunAttacksOptions = {}): Promise<AttackReport> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), "holdfast-attack-")));
  // Programs of jails run as another user and need to traverse it.
  await chmod(directory, 0o755);
  const canaries = {
    modelKey: `sk-ant-canary-${randomBytes(16).toString("hex")}`,
    hostFile: `canary-${randomBytes(16).toString("hex")}`,
  };
  const hostFile = join(directory, "host-file");
  await writeFile(hostFile, canaries.hostFile);
  const userDirectory = join(directory, "plugins");
  writeCrashingPlugin(userDirectory);
  const upstream = await startEchoUpstream();
  const names = new AttackNames();
  const told: unknown[] = [];
  const gate = await createGate({
    dataDir: join(directory, "data"),
    ...(options.jails ? { jails: options.jails } : {}),
    vault: {
      env: { ANTHROPIC_API_KEY: canaries.modelKey, HOLDFAST_ANTHROPIC_BASE_URL: upstream.url },
      logins: false,
    },
    plugins: {
      userDirectory,
      ...(options.builtInPlugins === undefined ? {} : { builtInDirectory: options.builtInPlugins }),
      watch: false,
    },
    egress: { networks: names.networks, resolve: names.resolve },
    // Short, since no person answers here.
    broker: { confirmWaitMs: 500 },
    onDecision: (decision) => told.push(decision),
    onUsage: (usage) => told.push(usage),
  }).catch(async (error: unknown) => {
    // A listening server would keep the process alive.
    await upstream.close();
    await rm(directory, { recursive: true, force: true });
    throw error;
  });
  const tools = new AttackTools(canaries.modelKey);
  gate.tools.register(tools);
  const lab = new AttackLab({
    gate,
    directory: join(directory, "lab"),
    canaries,
    hostFile,
    upstream,
    tools,
    names,
  });
  const results: AttackResult[] = [];
  const add = (result: AttackResult) => {
    results.push(result);
    options.onResult?.(result);
  };
  try {
    for (const attack of options.attacks ?? gateAttacks) add(await runOne(attack, lab));
    const said = JSON.stringify([
      told,
      lab.said,
      await gate.audit.query({ limit: 100_000 }),
      await gate.status(),
    ]);
    const outside = [await repeatedBy(upstream, canaries.modelKey), await readFile(hostFile, "utf8")];
    add(searchFor(canaries, said, outside, gate.jails.driver.name));
    return {
      ok: results.every(
        ({ outcome, control }) =>
          (outcome === "stopped" || outcome === "declared") && control?.worked !== false,
      ),
      driver: gate.jails.driver.name,
      platform: `${process.platform} ${process.arch}`,
      results,
    };
  } finally {
    await lab.close();
    await gate.close();
    await upstream.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function runOne(attack: Attack, lab: AttackLab): Promise<AttackResult> {
  const { id, group, attempt, must, needs = [] } = attack;
  const { driver } = lab.gate.jails;
  const layer =
    lab.ownKernel && group === "kernel" ? `a kernel of its own (gVisor); ${attack.layer}` : attack.layer;
  const began = performance.now();
  const result = (
    rest: Pick<AttackResult, "outcome" | "observed"> & Partial<AttackResult>,
  ): AttackResult => ({
    id,
    group,
    attempt,
    must,
    layer,
    driver: driver.name,
    durationMs: Math.round(performance.now() - began),
    ...rest,
  });
  const lacking = driver.guarantees.find((each) => needs.includes(each.name) && !each.held);
  if (lacking) return result({ outcome: "declared", observed: `${lacking.name}: ${lacking.detail}` });
  try {
    const { stopped, observed, control } = await attack.run(lab);
    return result({
      outcome: stopped ? "stopped" : "not_stopped",
      observed,
      ...(control ? { control } : {}),
    });
  } catch (error) {
    if (error instanceof NotApplicable) return result({ outcome: "not_tried", observed: error.message });
    return result({ outcome: "not_stopped", observed: `failed: ${String((error as Error).message)}` });
  }
}

/** Response of the model server without a gate in between: the key, in every encoding. */
async function repeatedBy({ url }: EchoUpstream, key: string): Promise<string> {
  const answer = await fetch(url, { method: "POST", headers: { "x-api-key": key }, body: "encoded" });
  return answer.text();
}

/**
 * Last attempt: after all others, no planted secret is in any output or record. As the control, the same search finds
 * each of them in `outside`, which no gate protected.
 */
function searchFor(
  canaries: { modelKey: string; hostFile: string },
  said: string,
  outside: readonly string[],
  driver: string,
): AttackResult {
  const planted = Object.values(canaries).map(encodingsOf);
  const forms = planted.flat();
  const seen = forms.filter((form) => said.includes(form));
  const found = planted.map((each) => each.filter((form) => outside.some((text) => text.includes(form))));
  return {
    id: "secrets.canaries",
    group: "secrets",
    attempt: "find the planted secrets in everything recorded: output, decisions, usage, audit, status",
    must: "found nowhere, in no encoding",
    layer: "all of the above",
    driver,
    outcome: seen.length === 0 ? "stopped" : "not_stopped",
    observed:
      seen.length === 0 ? `${said.length} bytes searched for ${forms.length} forms` : "a secret was found",
    control: {
      worked: found.every((each) => each.length > 0),
      observed: `without a gate ${found.flat().length} forms of them are found, in what a model's server answers and in a file of the host`,
    },
    durationMs: 0,
  };
}

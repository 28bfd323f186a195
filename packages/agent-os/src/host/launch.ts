import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { HoldfastError, type Logger } from "@holdfast/core";
import {
  type Egress,
  type EgressUpstream,
  type Gate,
  JailLayout,
  keepErrorTail,
  modelPath,
  type ProviderName,
} from "@holdfast/gate";
import { type ModelWire, mountNativePackages } from "@holdfast/sandbox";
import { listenForDial } from "@holdfast/sandbox-client/node";
import { machineEnded, noFuse } from "../errors.ts";
import type { GuestConfig, GuestModel } from "../guest/guest-config.ts";
import { machinePrograms } from "../guest/programs.ts";
import { agentOsLimits } from "../limits.ts";
import { openTools } from "../tools/open-tools.ts";
import { type CodeCacheFolder, ifCacheIsThere } from "./code-cache.ts";
import { type Machine, type MachineFolders, type MachineSettings, machinePaths } from "./machine.ts";

export interface LaunchContext {
  readonly gate: Gate;
  /** Folder of the programs that run inside. */
  readonly programs: string;
  /** Folder in which drivers mount their files. */
  readonly mounts: string;
  /** Folder of the commands of tools. */
  readonly tools: string;
  readonly log: Logger;
}

/** Starts a machine; resolves when its server answers. Throws `agent_os.start_failed`, and the errors of the jail. */
export async function launch(
  context: LaunchContext,
  settings: MachineSettings,
  folders: MachineFolders,
  codeCache?: CodeCacheFolder,
): Promise<Machine> {
  const cleanup = new AsyncDisposableStack();
  try {
    return await start(context, settings, folders, codeCache, cleanup);
  } catch (error) {
    await cleanup.disposeAsync();
    throw error;
  }
}

async function start(
  { gate, programs, mounts, tools: directory, log }: LaunchContext,
  spec: MachineSettings,
  folders: MachineFolders,
  codeCache: CodeCacheFolder | undefined,
  cleanup: AsyncDisposableStack,
): Promise<Machine> {
  const jailId = `vm-${randomBytes(8).toString("hex")}`;
  const egress = await openEgress(gate, jailId, spec);
  if (egress !== undefined) cleanup.defer(() => egress.egress.close());
  // The path of a Unix socket has at most 107 bytes.
  const sockets = await mkdtemp(join(tmpdir(), "hfm-"));
  cleanup.defer(() => rm(sockets, { recursive: true, force: true }));
  const control = join(sockets, "c", "c.sock");
  const dial = await listenForDial(control);
  cleanup.defer(() => dial.close());
  const jailed = !gate.jails.driver.unsafe;
  const layout = new JailLayout(jailed);
  const node = layout.mount(process.execPath, machinePaths.node, "ro");
  const folder = layout.mount(programs, machinePaths.programs, "ro");
  const home = layout.mount(folders.home, machinePaths.home, "rw");
  const workspace = layout.mount(folders.workspace, machinePaths.workspace, "rw");
  for (const { hostPath, path, readOnly } of spec.mounts)
    layout.mount(hostPath, path, readOnly === true ? "ro" : "rw");
  // Its file server changes the owner of what it makes, which a mount refuses.
  if (spec.drivers.length > 0 && gate.jails.driver.name === "gvisor")
    throw noFuse("machines with gVisor cannot write it");
  for (const { driver, path, readOnly } of spec.drivers) {
    const folder = await driver.mount(mounts);
    cleanup.defer(() => folder.close());
    layout.mountRemote(folder.path, path, readOnly === true ? "ro" : "rw");
  }
  const tools =
    spec.tools === undefined
      ? undefined
      : await openTools(spec.tools, {
          ...{ socket: join(sockets, "t.sock"), directory, layout },
          records: { jailId, audit: gate.audit, log },
        });
  if (tools !== undefined) cleanup.defer(() => tools.close(0));
  const config: GuestConfig = {
    control: layout.mount(control, machinePaths.control, "rw"),
    ...(egress === undefined
      ? {}
      : { egress: layout.mount(egress.egress.socketPath, machinePaths.egress, "rw") }),
    ...{ home, cwd: home, jailed },
    agentsDirectory: existsSync(spec.agentsDirectory)
      ? layout.mount(spec.agentsDirectory, machinePaths.agents, "ro")
      : machinePaths.agents,
    demoEntry: join(folder, machinePrograms.demo),
    models: egress?.models ?? [],
    env: { ...spec.env, ...tools?.env, WORKSPACE: workspace },
  };
  const usual = jailed ? machinePaths.path : `${dirname(node)}:${process.env["PATH"] ?? "/usr/bin:/bin"}`;
  const path = tools === undefined ? usual : `${usual}:${tools.commands}`;
  const native = mountNativePackages(layout, machinePaths.modules);
  const program = [node, join(folder, machinePrograms.guest), JSON.stringify(config)] as const;
  const [command, ...args] = codeCache?.mode === "rw" ? ifCacheIsThere(program) : program;
  const jail = await gate.jails.start({
    ...{ id: jailId, command, args },
    cwd: home,
    env: {
      ...{ HOME: home, PATH: path, LANG: "C.UTF-8" },
      ...native,
      ...(codeCache === undefined ? {} : codeCacheVariable(codeCache, layout)),
    },
    mounts: layout.mounts,
    limits: spec.limits,
    network: "none",
  });
  cleanup.defer(async () => void (await jail.stop({ graceMs: 0 })));
  const tail = keepErrorTail(jail);
  const ended = jail.exited.then(({ reason, detail }) => machineEnded(describeEnd(reason, detail ?? tail())));
  const refused = ended.then((error) => {
    throw new HoldfastError("agent_os", "start_failed", error.message, { statusCode: 503 });
  });
  await Promise.race([dial.ready(agentOsLimits.startTimeoutMs), refused]);
  // Later ends are the actor's to notice.
  refused.catch(() => {});
  const resources = cleanup.move();
  let stopping: Promise<void> | undefined;
  return {
    ...{ id: jailId, home, workspace, providers: egress?.providers ?? [], agent: dial.agent, ended },
    stop(graceMs) {
      // Calls of tools say why they end before their programs do.
      stopping ??= Promise.resolve(tools?.close(Math.min(graceMs, agentOsLimits.toolEndMs)))
        .then(() => jail.stop({ graceMs }))
        .then(() => resources.disposeAsync());
      return stopping;
    },
  };
}

/** Programs of the machine do not get this variable: they would write to the folder. */
function codeCacheVariable({ path, mode }: CodeCacheFolder, layout: JailLayout) {
  return { NODE_COMPILE_CACHE: layout.mount(path, machinePaths.codeCache, mode) };
}

const wires: Readonly<Partial<Record<ProviderName, readonly ModelWire[]>>> = {
  anthropic: ["anthropic"],
  openai: ["openai-responses", "openai-chat"],
  google: ["gemini"],
};

interface OpenedEgress {
  readonly egress: Egress;
  readonly providers: readonly ProviderName[];
  readonly models: readonly GuestModel[];
}

/** The egress of a machine to its models and hosts; undefined if it reaches nothing. */
async function openEgress(
  gate: Gate,
  jailId: string,
  spec: MachineSettings,
): Promise<OpenedEgress | undefined> {
  const available = (await gate.vault.status()).filter((each) => each.available);
  const providers = available.map(({ provider }) => provider).filter((provider) => provider in wires);
  const upstreams: EgressUpstream[] = [];
  for (const provider of providers) upstreams.push(await gate.vault.upstream(provider));
  if (upstreams.length === 0 && spec.hosts.length === 0) return undefined;
  const egress = await gate.openEgress({
    jailId,
    ...{ session: jailId, workspace: jailId, user: "owner" },
    ...{ upstreams, hosts: spec.hosts },
  });
  return {
    egress,
    providers,
    models: upstreams.flatMap((upstream) => modelsOf(upstream, egress.placeholderKey)),
  };
}

function modelsOf(upstream: EgressUpstream, apiKey: string): GuestModel[] {
  const names = upstream.provider === "none" ? [] : (wires[upstream.provider] ?? []);
  const client = upstream.provider === "openai" ? "openai" : "other";
  return names.map((wire) => ({ wire, path: modelPath(upstream, client), apiKey }));
}

function describeEnd(reason: string, detail: string): string {
  const what = reason === "memory" ? "it exceeded its memory limit" : reason;
  return detail === "" ? what : `${what} (${detail})`;
}

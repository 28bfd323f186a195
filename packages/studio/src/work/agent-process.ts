import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import type { Agent } from "node:http";
import { basename, dirname, join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import {
  authorityEnvironment,
  type Egress,
  type Gate,
  JailLayout,
  keepErrorTail,
  modelPath,
  type OpenedBroker,
} from "@holdfast/gate";
import { type AgentRow, mountNativePackages } from "@holdfast/sandbox";
import type { AcpConnection, Envelope } from "@holdfast/sandbox-client";
import { type DialHost, fetchOver, listenForDial } from "@holdfast/sandbox-client/node";
import { localOrganization, organizationOfId } from "../access/organization-ids.ts";
import type { AgentCatalogue } from "../agents.ts";
import type { EnvironmentService } from "../environments/environment.ts";
import { type ServicesOptions, startServices } from "../environments/services.ts";
import type { GroupSettings } from "../groups/group-settings.ts";
import { type GuestBundle, guestPrograms } from "../jail/bundle.ts";
import { offeredDesktopTools } from "../jail/desktop-tools.ts";
import type { GuestConfig, GuestGate, GuestModel } from "../jail/guest-config.ts";
import { jailPath, jailPaths, type TaskFolders } from "../jail/layout.ts";
import type { StudioLimits } from "../limits.ts";
import type { TaskUsageNotes } from "../usage/task-usage.ts";
import { studioVersion } from "../version.ts";

export interface AgentProcessOptions {
  readonly gate: Gate;
  readonly catalogue: AgentCatalogue;
  readonly bundle: GuestBundle;
  readonly limits: StudioLimits;
  readonly row: AgentRow;
  readonly session: string;
  /** The task of the session, which the records of its jail name. */
  readonly taskId: string;
  /** Names the workspace, which other sessions may share. */
  readonly workspace: string;
  /** Unique among running jails. */
  readonly jailId: string;
  /** A private folder for sockets. Its path is short, because socket paths are limited. */
  readonly runDirectory: string;
  readonly folders: TaskFolders;
  /** Variables of the repository's environment. Holdfast's own come before them. */
  readonly variables?: Readonly<Record<string, string>>;
  /** What the repository's environment runs beside the agent. */
  readonly services?: readonly EnvironmentService[];
  /** Called when one of the services ends while the jail runs. */
  readonly onServiceEnd?: ServicesOptions["onEnd"];
  /** The group that the agent works for. Without one, it gets every tool as the group "default". */
  readonly group?: GroupSettings;
  readonly usage: TaskUsageNotes;
  /** Called when a budget refuses a call of the agent's model. */
  readonly onRefusedCall: (error: unknown) => void;
  readonly onEnvelope: (envelope: Envelope) => Promise<void>;
}

/** An agent in its own jail, and the connection to it. */
export interface AgentProcess {
  readonly connection: AcpConnection;
  /** The gate's tools as an ACP server entry. Empty for agents that do not support MCP servers. */
  readonly mcpServers: readonly McpServer[];
  /** HTTP agent for the sandbox server in the jail; works while the jail runs. */
  readonly sandbox: Agent;
  /** Path of the workspace as the agent sees it. */
  readonly cwd: string;
  /** Writes a file in the jail, below the workspace. The path is relative to it. */
  writeFile(path: string, content: Uint8Array): Promise<void>;
  /** Resolves with the cause when the agent or its jail exits; never rejects. */
  readonly exited: Promise<HoldfastError>;
  /** Stops the agent and the jail, and releases all resources. Idempotent. */
  stop(graceMs: number): Promise<void>;
}

/** An MCP server over standard input and output, as ACP describes it. */
export interface McpServer {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
}

/** Throws `agent.not_installed`, `vault.no_credential`, `agent.start_failed`, and the errors of the jail. */
export async function startAgentProcess(options: AgentProcessOptions): Promise<AgentProcess> {
  const cleanup = new AsyncDisposableStack();
  try {
    return await start(options, cleanup);
  } catch (error) {
    await cleanup.disposeAsync();
    throw error;
  }
}

async function start(options: AgentProcessOptions, cleanup: AsyncDisposableStack): Promise<AgentProcess> {
  const { gate, row, jailId, folders } = options;
  const egress = await openEgress(options);
  if (egress !== undefined) cleanup.defer(() => egress.egress.close());
  const broker = await gate.openBroker({
    jailId,
    ...{ session: options.session, workspace: options.workspace },
    organization: organizationOfId(options.session),
    user: "owner",
    agent: row.id,
    group: options.group?.name ?? "default",
    ...toolsOf(options),
  });
  cleanup.defer(() => broker.close());
  const control = join(options.runDirectory, jailId.slice(-12), "c.sock");
  const dial = await listenForDial(control);
  cleanup.defer(async () => {
    await dial.close();
    await rm(dirname(control), { recursive: true, force: true });
  });
  await mkdir(folders.home, { recursive: true, mode: 0o700 });
  const layout = new JailLayout(!gate.jails.driver.unsafe);
  const { config, node, program } = await buildGuestConfig(options, layout, { control, egress, broker });
  const native = mountNativePackages(layout, jailPaths.modules, { images: config.desktop !== undefined });
  const jail = await gate.jails.start({
    id: jailId,
    session: options.taskId,
    command: node,
    args: [program, JSON.stringify(config)],
    cwd: config.workspace,
    env: { HOME: config.home, PATH: jailPathFor(gate, node), LANG: "C.UTF-8", ...native },
    mounts: layout.mounts,
    limits: {
      memoryBytes: options.limits.jailMemoryBytes,
      pids: options.limits.jailPids,
      tmpBytes: options.limits.jailTmpBytes,
      diskBytes: options.limits.jailDiskBytes,
      diskEntries: options.limits.jailDiskEntries,
    },
    network: "none",
  });
  const sandboxEnded = options.usage.startSandbox(jailId);
  void jail.exited.then(sandboxEnded, sandboxEnded);
  cleanup.defer(async () => {
    await jail.stop({ graceMs: 0 });
    sandboxEnded();
  });
  const stderr = keepErrorTail(jail);
  const jailEnded = jail.exited.then((exit) => jailExitError(exit.reason, exit.detail ?? stderr()));
  await waitUntilReachable(dial, jailEnded, options.limits.agentStartTimeoutMs);
  const fetch = fetchOver(dial.agent);
  // Loaded here: a Studio starts faster without it.
  const { SandboxClient } = await import("@holdfast/sandbox-client");
  const client = await SandboxClient.connect({ fetch, skipHealthCheck: true });
  const services = await startServices({
    ...{ fetch, services: options.services ?? [], variables: options.variables ?? {}, cwd: config.workspace },
    onEnd: (...end) => options.onServiceEnd?.(...end),
  });
  cleanup.defer(() => services.close());
  const agentExit = Promise.withResolvers<HoldfastError>();
  const connection = client.acp("agent", {
    agent: row.id,
    onEnvelope: options.onEnvelope,
    onAgentExit: (exit) => {
      const details = `${exit.signal ?? `exit code ${exit.exitCode}`}${exit.stderr === "" ? "" : `: ${exit.stderr.slice(-2_000)}`}`;
      agentExit.resolve(new HoldfastError("agent", "exited", `The agent exited by itself (${details})`));
    },
  });
  const resources = cleanup.move();
  let stopping: Promise<void> | undefined;
  return {
    connection,
    sandbox: dial.agent,
    cwd: config.workspace,
    writeFile: async (path, content) => void (await client.fs.write(join(config.workspace, path), content)),
    mcpServers: row.quirks.mcpServers ? [gateServer(config.gate.local, program, node)] : [],
    exited: Promise.race([jailEnded, agentExit.promise]),
    stop(graceMs) {
      stopping ??= (async () => {
        connection.detach();
        services.close();
        await jail.stop({ graceMs });
        await resources.disposeAsync();
      })();
      return stopping;
    },
  };
}

/** The tools of plugins act with credentials of the machine, which are for its first organization. */
function toolsOf({ group, session }: AgentProcessOptions): { readonly tools?: readonly string[] } {
  if (organizationOfId(session) !== localOrganization) return { tools: [] };
  return group?.tools === undefined ? {} : { tools: group.tools };
}

function gateServer(local: string, program: string, node: string): McpServer {
  return {
    name: "holdfast",
    command: node,
    args: [join(dirname(program), guestPrograms.tools, "holdfast-mcp.mjs")],
    env: [{ name: "HOLDFAST_MCP", value: join(local, "mcp.sock") }],
  };
}

function jailPathFor(gate: Gate, node: string): string {
  return gate.jails.driver.unsafe ? `${dirname(node)}:${process.env.PATH ?? "/usr/bin:/bin"}` : jailPath;
}

interface OpenEgress {
  readonly egress: Egress;
  readonly model: GuestModel;
}

async function openEgress(options: AgentProcessOptions): Promise<OpenEgress | undefined> {
  const { gate, row, catalogue } = options;
  const provider = catalogue.providerOf(row);
  if (provider === undefined) return undefined;
  const upstream = await gate.vault.upstream(provider);
  const egress = await gate.openEgress({
    jailId: options.jailId,
    ...{ session: options.session, workspace: options.workspace },
    organization: organizationOfId(options.session),
    user: "owner",
    upstreams: [upstream],
    beforeCall: async (call) => {
      try {
        await options.usage.beforeCall(call);
      } catch (error) {
        options.onRefusedCall(error);
        throw error;
      }
    },
    afterCall: (call, usage) => options.usage.afterCall(call, usage),
  });
  const model = catalogue.modelOf(provider);
  return {
    egress,
    model: {
      wire: row.wire,
      path: modelPath(upstream, row.wire.startsWith("openai") ? "openai" : "other"),
      apiKey: egress.placeholderKey,
      ...(model === undefined ? {} : { model }),
    },
  };
}

interface HostSockets {
  readonly control: string;
  readonly egress: OpenEgress | undefined;
  readonly broker: OpenedBroker;
}

async function buildGuestConfig(
  options: AgentProcessOptions,
  layout: JailLayout,
  { control, egress, broker }: HostSockets,
): Promise<{ config: GuestConfig & { readonly gate: GuestGate }; node: string; program: string }> {
  const { catalogue, bundle, folders, row } = options;
  const node = layout.mount(process.execPath, jailPaths.node, "ro");
  const guest = layout.mount(bundle.directory, jailPaths.guest, "ro");
  const workspace = layout.mount(folders.workspace, jailPaths.workspace, "rw");
  const home = layout.mount(folders.home, jailPaths.home, "rw");
  const agentsDirectory = existsSync(catalogue.agentsDirectory)
    ? layout.mount(catalogue.agentsDirectory, jailPaths.agents, "ro")
    : jailPaths.agents;
  const custom = catalogue.customAgent(row.id);
  const customFolder =
    custom?.directory === undefined ? undefined : layout.mount(custom.directory, jailPaths.custom, "ro");
  const onPath = custom === undefined ? await catalogue.locateOnPath(row) : undefined;
  const command =
    onPath === undefined
      ? undefined
      : join(layout.mount(onPath.root, `${jailPaths.path}/${basename(onPath.root)}`, "ro"), onPath.relative);
  const gateDirectory = layout.mount(broker.directory, jailPaths.gate, "ro");
  // Mounts the folder, not its files, so that the jail sees plugin updates.
  const skills = layout.mount(options.gate.plugins.skillsDirectory, jailPaths.skills, "ro");
  const agentSkills = options.gate.plugins.agentSkillsDirectory;
  // In a jail: its private /tmp. Without one: beside the other sockets of this process.
  const local = options.gate.jails.driver.unsafe ? dirname(control) : jailPaths.local;
  const authority = mountAuthority(egress?.egress, layout);
  const desktop = offeredDesktopTools(options.gate, options.group);
  const config = {
    gate: { directory: gateDirectory, local, version: studioVersion, skills },
    control: layout.mount(control, jailPaths.control, "rw"),
    ...(egress === undefined
      ? {}
      : { egress: layout.mount(egress.egress.socketPath, jailPaths.egress, "rw") }),
    ...(authority === undefined ? {} : { tunnels: true, authority: authority.certificate }),
    ...(desktop.length === 0 ? {} : { desktop }),
    // Without a jail, the home directory can be the user's own.
    ...(options.gate.jails.driver.unsafe
      ? {}
      : {
          agentSkills: {
            agent: row.id,
            directory: layout.mount(agentSkills, jailPaths.agentSkills, "ro"),
          },
        }),
    home,
    workspace,
    agentsDirectory,
    demoEntry: join(guest, guestPrograms.demo),
    jailed: !options.gate.jails.driver.unsafe,
    models: egress === undefined ? [] : [egress.model],
    customAgents: custom === undefined ? [] : [catalogue.resolveCustomAgent(custom, customFolder, node)],
    commands: command === undefined ? {} : { [row.id]: command },
    env: {
      ...options.variables,
      ...(row.id === "demo" ? catalogue.demoEnvironment() : {}),
      HOLDFAST_GATE: gateDirectory,
      HOLDFAST_IPC: join(local, "ipc.sock"),
      HOLDFAST_SKILLS: skills,
      CARAPACE_SOCKET: `ipc://${join(gateDirectory, "request.sock")}`,
      ...authority?.environment,
    },
  };
  return { config, node, program: join(guest, guestPrograms.guest) };
}

interface MountedAuthority {
  readonly certificate: string;
  /** Variables that make tools trust it. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Mounts the certificate of the egress authority. */
function mountAuthority(egress: Egress | undefined, layout: JailLayout): MountedAuthority | undefined {
  if (egress?.authority === undefined) return undefined;
  const { certificatePath, bundlePath } = egress.authority;
  const certificate = layout.mount(certificatePath, jailPaths.authority, "ro");
  const all = layout.mount(bundlePath, jailPaths.authorities, "ro");
  return {
    certificate,
    environment: authorityEnvironment({ certificatePath: certificate, bundlePath: all }),
  };
}

function jailExitError(reason: string, detail: string): HoldfastError {
  if (reason === "memory") {
    return new HoldfastError(
      "agent",
      "out_of_memory",
      "The jail was killed because it exceeded its memory limit",
    );
  }
  return new HoldfastError(
    "agent",
    "jail_ended",
    `The jail exited (${reason})${detail === "" ? "" : `: ${detail}`}`,
  );
}

async function waitUntilReachable(
  dial: DialHost,
  ended: Promise<HoldfastError>,
  timeoutMs: number,
): Promise<void> {
  const failed = ended.then((error) => {
    throw new HoldfastError("agent", "start_failed", error.message, { cause: error });
  });
  await Promise.race([dial.ready(timeoutMs), failed]);
}

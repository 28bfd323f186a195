import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import type { Egress, EgressUsage, Gate, Jail } from "@holdfast/gate";
import type { AgentRow } from "@holdfast/sandbox";
import { type AcpConnection, type Envelope, SandboxClient } from "@holdfast/sandbox-client";
import { type DialHost, fetchOver, listenForDial } from "@holdfast/sandbox-client/node";
import type { AgentCatalogue } from "../agents.ts";
import { type GuestBundle, guestPrograms } from "../jail/bundle.ts";
import type { GuestConfig, GuestModel } from "../jail/guest-config.ts";
import { jailPath, jailPaths, Layout, type TaskFolders } from "../jail/layout.ts";
import type { StudioLimits } from "../limits.ts";

export interface AgentProcessOptions {
  readonly gate: Gate;
  readonly catalogue: AgentCatalogue;
  readonly bundle: GuestBundle;
  readonly limits: StudioLimits;
  readonly row: AgentRow;
  readonly session: string;
  /** Unique among running jails. */
  readonly jailId: string;
  /** A folder for sockets, short and only ours. */
  readonly runDirectory: string;
  readonly folders: TaskFolders;
  readonly onUsage: (usage: EgressUsage) => void;
  readonly onEnvelope: (envelope: Envelope) => Promise<void>;
}

/** An agent that runs in a jail of its own, with a connection to it. */
export interface AgentProcess {
  readonly connection: AcpConnection;
  /** The workspace, as the agent sees it. */
  readonly cwd: string;
  /** Resolves with the reason when the agent or its jail has ended; never rejects. */
  readonly ended: Promise<HoldfastError>;
  /** Ends everything. Idempotent. */
  stop(graceMs: number): Promise<void>;
}

/** Throws `agent.not_installed`, `vault.no_credential`, `agent.start_failed`, and what the jail throws. */
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
  const control = join(options.runDirectory, jailId.slice(-12), "c.sock");
  const dial = await listenForDial(control);
  cleanup.defer(async () => {
    await dial.close();
    await rm(dirname(control), { recursive: true, force: true });
  });
  await mkdir(folders.home, { recursive: true, mode: 0o700 });
  const layout = new Layout(!gate.jails.driver.unsafe);
  const { config, node, program } = await guestConfig(options, layout, control, egress);
  const jail = await gate.jails.start({
    id: jailId,
    command: node,
    args: [program, JSON.stringify(config)],
    cwd: config.workspace,
    env: { HOME: config.home, PATH: jailPathFor(gate, node), LANG: "C.UTF-8" },
    mounts: layout.mounts,
    limits: {
      memoryBytes: options.limits.jailMemoryBytes,
      pids: options.limits.jailPids,
      tmpBytes: options.limits.jailTmpBytes,
    },
    network: "none",
  });
  cleanup.defer(async () => void (await jail.stop({ graceMs: 0 })));
  const stderr = tailOf(jail);
  const jailEnded = jail.exited.then((exit) => endedError(exit.reason, exit.detail ?? stderr()));
  await reach(dial, jailEnded, options.limits.agentStartTimeoutMs);
  const client = await SandboxClient.connect({ fetch: fetchOver(dial.agent), skipHealthCheck: true });
  const agentExit = Promise.withResolvers<HoldfastError>();
  const connection = client.acp("agent", {
    agent: row.id,
    onEnvelope: options.onEnvelope,
    onAgentExit: (exit) => {
      const words = `${exit.signal ?? `exit code ${exit.exitCode}`}${exit.stderr === "" ? "" : `: ${exit.stderr.slice(-2_000)}`}`;
      agentExit.resolve(new HoldfastError("agent", "exited", `The agent ended by itself (${words})`));
    },
  });
  const resources = cleanup.move();
  let stopping: Promise<void> | undefined;
  return {
    connection,
    cwd: config.workspace,
    ended: Promise.race([jailEnded, agentExit.promise]),
    stop(graceMs) {
      stopping ??= (async () => {
        connection.detach();
        await jail.stop({ graceMs });
        await resources.disposeAsync();
      })();
      return stopping;
    },
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
    session: options.session,
    upstreams: [upstream],
    onUsage: options.onUsage,
  });
  // OpenAI's clients take a base URL with the version in it, unless the upstream's own base has it.
  const versioned =
    row.wire.startsWith("openai") && upstream.allow.some(({ pathPrefix }) => /^\/v1(\/|$)/.test(pathPrefix));
  const model = catalogue.modelOf(provider);
  return {
    egress,
    model: {
      wire: row.wire,
      path: `/${upstream.name}${versioned ? "/v1" : ""}`,
      apiKey: egress.placeholderKey,
      ...(model === undefined ? {} : { model }),
    },
  };
}

async function guestConfig(
  options: AgentProcessOptions,
  layout: Layout,
  control: string,
  egress: OpenEgress | undefined,
): Promise<{ config: GuestConfig; node: string; program: string }> {
  const { catalogue, bundle, folders, row } = options;
  const node = layout.place(process.execPath, jailPaths.node, "ro");
  const guest = layout.place(bundle.directory, jailPaths.guest, "ro");
  const workspace = layout.place(folders.workspace, jailPaths.workspace, "rw");
  const home = layout.place(folders.home, jailPaths.home, "rw");
  const agentsDirectory = existsSync(catalogue.agentsDirectory)
    ? layout.place(catalogue.agentsDirectory, jailPaths.agents, "ro")
    : jailPaths.agents;
  const custom = catalogue.customAgent(row.id);
  const customFolder =
    custom?.directory === undefined ? undefined : layout.place(custom.directory, jailPaths.custom, "ro");
  const found = custom === undefined ? await catalogue.foundOnPath(row) : undefined;
  const command =
    found === undefined
      ? undefined
      : join(layout.place(found.root, `${jailPaths.path}/${basename(found.root)}`, "ro"), found.relative);
  const config: GuestConfig = {
    control: layout.place(control, jailPaths.control, "rw"),
    ...(egress === undefined
      ? {}
      : { egress: layout.place(egress.egress.socketPath, jailPaths.egress, "rw") }),
    home,
    workspace,
    agentsDirectory,
    demoEntry: join(guest, guestPrograms.demo),
    jailed: !options.gate.jails.driver.unsafe,
    models: egress === undefined ? [] : [egress.model],
    customAgents: custom === undefined ? [] : [catalogue.placedCustomAgent(custom, customFolder, node)],
    commands: command === undefined ? {} : { [row.id]: command },
    env: row.id === "demo" ? catalogue.demoEnvironment() : {},
  };
  return { config, node, program: join(guest, guestPrograms.guest) };
}

function tailOf(jail: Jail): () => string {
  let tail = "";
  // An unread stream would stop whoever writes to it.
  jail.stdout.resume();
  jail.stderr.on("data", (chunk: Buffer) => {
    tail = (tail + chunk.toString("utf8")).slice(-4_000);
  });
  return () => tail.trim();
}

function endedError(reason: string, detail: string): HoldfastError {
  if (reason === "memory") {
    return new HoldfastError(
      "agent",
      "out_of_memory",
      "The jail needed more memory than it may have and was ended",
    );
  }
  return new HoldfastError(
    "agent",
    "jail_ended",
    `The jail has ended (${reason})${detail === "" ? "" : `: ${detail}`}`,
  );
}

async function reach(dial: DialHost, ended: Promise<HoldfastError>, timeoutMs: number): Promise<void> {
  const failed = ended.then((error) => {
    throw new HoldfastError("agent", "start_failed", error.message, { cause: error });
  });
  await Promise.race([dial.ready(timeoutMs), failed]);
}

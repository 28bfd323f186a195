import { rm } from "node:fs/promises";
import type { Agent } from "node:http";
import { dirname, join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { JailLayout, keepErrorTail } from "@holdfast/gate";
import { mountNativePackages } from "@holdfast/sandbox";
import { fetchOver, listenForDial } from "@holdfast/sandbox-client/node";
import { guestPrograms } from "../../jail/bundle.ts";
import type { GuestConfig } from "../../jail/guest-config.ts";
import { jailPaths } from "../../jail/layout.ts";
import { mountStepJail, type StepJailOptions, startStepJail } from "../run-command.ts";

export interface StepSandboxOptions extends StepJailOptions {
  /** The command of the step, for whoever tries it again. */
  readonly run: string;
  /** A private folder for sockets, with a short path. */
  readonly runDirectory: string;
}

/** A jail like that of a step, with a sandbox server instead of the step. */
export interface StepSandbox {
  /** Reaches the sandbox server. */
  readonly agent: Agent;
  /** Starts a shell in the workspace. Resolves with the id of its process. */
  openTerminal(): Promise<string>;
  /** Resolves when the jail is gone; never rejects. */
  readonly ended: Promise<void>;
  /** Ends everything in it. Idempotent. */
  stop(): Promise<void>;
}

/** Has the step's command. */
const stepVariable = "HOLDFAST_STEP";
const shell = ["-c", "command -v bash >/dev/null 2>&1 && exec bash || exec sh"];

/** Throws the errors of the jail and of the gate, and `environment.sandbox_failed`. */
export async function startStepSandbox(options: StepSandboxOptions): Promise<StepSandbox> {
  await using cleanup = new AsyncDisposableStack();
  const { gate, limits, run, runDirectory, jailId } = options;
  const layout = new JailLayout(!gate.jails.driver.unsafe);
  const inside = await mountStepJail(options, layout, cleanup);
  const control = join(runDirectory, jailId.slice(-12), "c.sock");
  const dial = await listenForDial(control);
  cleanup.defer(async () => {
    await dial.close();
    await rm(dirname(control), { recursive: true, force: true });
  });
  const { workspace, home, egress, env } = inside;
  const config: GuestConfig = {
    control: layout.mount(control, jailPaths.control, "rw"),
    ...(egress === undefined ? {} : { egress, tunnels: true }),
    ...{ home, workspace, agentsDirectory: jailPaths.agents },
    demoEntry: join(inside.guest, guestPrograms.demo),
    jailed: !gate.jails.driver.unsafe,
    ...{ models: [], customAgents: [], commands: {} },
    env: { [stepVariable]: run },
    originEnv: env,
  };
  const native = mountNativePackages(layout, jailPaths.modules);
  const jail = await startStepJail(options, layout, inside, guestPrograms.guest, config, native);
  cleanup.defer(async () => void (await jail.stop({ graceMs: 0 })));
  const stderr = keepErrorTail(jail);
  const ended = jail.exited.then(
    () => {},
    () => {},
  );
  const failed = ended.then(() => {
    const message = `The sandbox of the failed step ended while it started. ${stderr()}`.trim();
    throw new HoldfastError("environment", "sandbox_failed", message, { statusCode: 502 });
  });
  await Promise.race([dial.ready(limits.agentStartTimeoutMs), failed]);
  const fetch = fetchOver(dial.agent);
  // Loaded here: a Studio starts faster without it.
  const { SandboxAgent } = await import("@holdfast/sandbox-client");
  const client = await SandboxAgent.connect({ baseUrl: "http://sandbox", fetch, skipHealthCheck: true });
  const resources = cleanup.move();
  let stopping: Promise<void> | undefined;
  return {
    agent: dial.agent,
    async openTerminal() {
      const { id } = await client.createProcess({
        ...{ command: "/bin/sh", args: shell, cwd: workspace, tty: true },
      });
      return id;
    },
    ended,
    stop() {
      stopping ??= resources.disposeAsync();
      return stopping;
    },
  };
}

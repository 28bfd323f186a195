/**
 * The commands of `holdfast` that need the Studio, the gate or the sandbox. Each is loaded when it is asked for: a
 * sandbox server keeps nothing of the Studio in memory.
 */
import type { Command, CommandLoader } from "@holdfast/cli";

async function loadSandbox(): Promise<Command> {
  const { sandboxUsage: usage, sandboxCommand: run } = await import("@holdfast/sandbox/cli");
  return { usage, run };
}

export const commands: Readonly<Record<string, CommandLoader>> = {
  start: async () => {
    const { startUsage: usage, startCommand: run } = await import("./start.ts");
    return { usage, run };
  },
  run: async () => {
    const { runUsage: usage, runCommand: run } = await import("./run.ts");
    return { usage, run };
  },
  prompt: async () => {
    const { promptUsage: usage, promptCommand: run } = await import("./prompt.ts");
    return { usage, run };
  },
  groups: async () => {
    const { groupsUsage: usage, groupsCommand: run } = await import("./groups.ts");
    return { usage, run };
  },
  tasks: async () => {
    const { tasksUsage: usage, tasksCommand: run } = await import("./tasks.ts");
    return { usage, run };
  },
  approvals: async () => {
    const { approvalsUsage: usage, approvalsCommand: run } = await import("./approvals.ts");
    return { usage, run };
  },
  agents: async () => {
    const { agentsUsage: usage, agentsCommand: run } = await import("./agents.ts");
    return { usage, run };
  },
  plugin: async () => {
    const { pluginUsage: usage, pluginCommand: run } = await import("./plugin.ts");
    return { usage, run };
  },
  auth: async () => {
    const { authUsage: usage, authCommand: run } = await import("./auth.ts");
    return { usage, run };
  },
  secrets: async () => {
    const { secretsUsage: usage, secretsCommand: run } = await import("./secrets.ts");
    return { usage, run };
  },
  grants: async () => {
    const { grantsUsage: usage, grantsCommand: run } = await import("./grants.ts");
    return { usage, run };
  },
  audit: async () => {
    const { auditUsage: usage, auditCommand: run } = await import("./audit.ts");
    return { usage, run };
  },
  egress: async () => {
    const { egressUsage: usage, egressCommand: run } = await import("./egress.ts");
    return { usage, run };
  },
  policy: async () => {
    const { policyUsage: usage, policyCommand: run } = await import("./policy.ts");
    return { usage, run };
  },
  doctor: async () => {
    const { doctorUsage: usage, doctorCommand: run } = await import("./doctor.ts");
    return { usage, run };
  },
  url: async () => {
    const { urlUsage: usage, urlCommand: run } = await import("./url.ts");
    return { usage, run };
  },
  backup: async () => {
    const { backupUsage: usage, backupCommand: run } = await import("./backup.ts");
    return { usage, run };
  },
  restore: async () => {
    const { restoreUsage: usage, restoreCommand: run } = await import("./backup.ts");
    return { usage, run };
  },
  sandbox: loadSandbox,
  sandboxes: loadSandbox,
  sessions: async () => {
    const { usage, run } = await loadSandbox();
    return { usage, run: (args) => run(["sessions", ...args]) };
  },
};

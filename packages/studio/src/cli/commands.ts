/**
 * Commands of `holdfast` that need the Studio, the gate or the sandbox. Each is imported on demand, so that a sandbox
 * server does not load the Studio.
 */
import type { Command, CommandLoader } from "@holdfast/cli";

async function loadSandbox(): Promise<Command> {
  const sandbox = await import("@holdfast/sandbox/cli");
  const { sandboxUsage: usage, sandboxCommand: run, sandboxCommands: subcommands } = sandbox;
  return { usage, run, subcommands };
}

export const commands: Readonly<Record<string, CommandLoader>> = {
  start: async () => {
    const { startUsage: usage, startCommand: run } = await import("./server/start.ts");
    return { usage, run };
  },
  run: async () => {
    const { runUsage: usage, runCommand: run } = await import("./tasks/run.ts");
    return { usage, run };
  },
  new: async () => {
    const { newUsage: usage, newCommand: run } = await import("./tasks/new.ts");
    return { usage, run };
  },
  prompt: async () => {
    const { promptUsage: usage, promptCommand: run } = await import("./tasks/prompt.ts");
    return { usage, run };
  },
  groups: async () => {
    const { groupsUsage: usage, groupsCommand: run } = await import("./tasks/groups.ts");
    return { usage, run };
  },
  schedules: async () => {
    const { schedulesUsage: usage, schedulesCommand: run } = await import("./tasks/schedules.ts");
    return { usage, run };
  },
  tasks: async () => {
    const { tasksCommand } = await import("./tasks/tasks.ts");
    return tasksCommand;
  },
  queue: async () => {
    const { queueCommand } = await import("./tasks/queue.ts");
    return queueCommand;
  },
  views: async () => {
    const { viewsCommand } = await import("./tasks/views.ts");
    return viewsCommand;
  },
  review: async () => {
    const { reviewCommand } = await import("./review/review.ts");
    return reviewCommand;
  },
  pulls: async () => {
    const { pullsCommand } = await import("./review/pulls.ts");
    return pullsCommand;
  },
  checks: async () => {
    const { checksUsage: usage, checksCommand: run } = await import("./review/checks.ts");
    return { usage, run };
  },
  publish: async () => {
    const { publishUsage: usage, publishCommand: run } = await import("./review/publish.ts");
    return { usage, run };
  },
  environments: async () => {
    const { environmentsUsage: usage, environmentsCommand: run } = await import(
      "./repositories/environments.ts"
    );
    return { usage, run };
  },
  repositories: async () => {
    const { repositoriesUsage: usage, repositoriesCommand: run } = await import(
      "./repositories/repositories.ts"
    );
    return { usage, run };
  },
  approvals: async () => {
    const { approvalsUsage: usage, approvalsCommand: run } = await import("./attention/approvals.ts");
    return { usage, run };
  },
  inbox: async () => {
    const { inboxUsage: usage, inboxCommand: run } = await import("./attention/inbox.ts");
    return { usage, run };
  },
  accounts: async () => {
    const { accountsCommand } = await import("./attention/accounts.ts");
    return accountsCommand;
  },
  notifications: async () => {
    const { notificationsCommand } = await import("./attention/notifications.ts");
    return notificationsCommand;
  },
  usage: async () => {
    const { usageUsage: usage, usageCommand: run } = await import("./usage/usage.ts");
    return { usage, run };
  },
  prices: async () => {
    const { pricesUsage: usage, pricesCommand: run } = await import("./usage/prices.ts");
    return { usage, run };
  },
  budgets: async () => {
    const { budgetsUsage: usage, budgetsCommand: run } = await import("./usage/budgets.ts");
    return { usage, run };
  },
  billing: async () => {
    const { billingUsage: usage, billingCommand: run } = await import("./usage/billing.ts");
    return { usage, run };
  },
  connections: async () => {
    const { connectionsUsage: usage, connectionsCommand: run } = await import("./server/connections.ts");
    return { usage, run };
  },
  agents: async () => {
    const { agentsUsage: usage, agentsCommand: run } = await import("./server/agents.ts");
    return { usage, run };
  },
  plugin: async () => {
    const { pluginUsage: usage, pluginCommand: run } = await import("./gate/plugin.ts");
    return { usage, run };
  },
  auth: async () => {
    const { authUsage: usage, authCommand: run } = await import("./gate/auth.ts");
    return { usage, run };
  },
  secrets: async () => {
    const { secretsUsage: usage, secretsCommand: run } = await import("./gate/secrets.ts");
    return { usage, run };
  },
  grants: async () => {
    const { grantsUsage: usage, grantsCommand: run } = await import("./gate/grants.ts");
    return { usage, run };
  },
  audit: async () => {
    const { auditUsage: usage, auditCommand: run } = await import("./gate/audit.ts");
    return { usage, run };
  },
  egress: async () => {
    const { egressUsage: usage, egressCommand: run } = await import("./gate/egress.ts");
    return { usage, run };
  },
  policy: async () => {
    const { policyUsage: usage, policyCommand: run } = await import("./gate/policy.ts");
    return { usage, run };
  },
  doctor: async () => {
    const { doctorUsage: usage, doctorCommand: run } = await import("./doctor/doctor.ts");
    return { usage, run };
  },
  mcp: async () => {
    const { mcpUsage: usage, mcpCommand: run } = await import("./server/mcp.ts");
    return { usage, run };
  },
  url: async () => {
    const { urlUsage: usage, urlCommand: run } = await import("./server/url.ts");
    return { usage, run };
  },
  invite: async () => {
    const { inviteUsage: usage, inviteCommand: run } = await import("./people/invite.ts");
    return { usage, run };
  },
  organizations: async () => {
    const { organizationsUsage: usage, organizationsCommand: run } = await import(
      "./people/organizations.ts"
    );
    return { usage, run };
  },
  people: async () => {
    const { peopleUsage: usage, peopleCommand: run } = await import("./people/people.ts");
    return { usage, run };
  },
  tokens: async () => {
    const { tokensUsage: usage, tokensCommand: run } = await import("./people/tokens.ts");
    return { usage, run };
  },
  "sign-in": async () => {
    const { signInCommand } = await import("./people/sign-in.ts");
    return signInCommand;
  },
  login: async () => {
    const { loginUsage: usage, loginCommand: run } = await import("./people/login.ts");
    return { usage, run };
  },
  whoami: async () => {
    const { whoamiUsage: usage, whoamiCommand: run } = await import("./people/login.ts");
    return { usage, run };
  },
  logout: async () => {
    const { logoutUsage: usage, logoutCommand: run } = await import("./people/login.ts");
    return { usage, run };
  },
  backup: async () => {
    const { backupUsage: usage, backupCommand: run } = await import("./server/backup.ts");
    return { usage, run };
  },
  restore: async () => {
    const { restoreUsage: usage, restoreCommand: run } = await import("./server/backup.ts");
    return { usage, run };
  },
  sandbox: loadSandbox,
  sandboxes: loadSandbox,
  sessions: async () => {
    const { run, subcommands } = await loadSandbox();
    const usage = (await subcommands?.["sessions"]?.load())?.usage ?? "";
    return { usage, run: (args) => run(["sessions", ...args]) };
  },
};

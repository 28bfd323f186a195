import type { ActorConn, ClientBase } from "@holdfast/client";
import { localOrganization, personalKey } from "./access/organization-ids.ts";
import type { StudioClient, StudioHandle } from "./studio.ts";

/** Actions of each actor, and a probe: a cheap action without side effects. */
const shapes = {
  organization: {
    actions: [
      ...["me", "createTask", "listTasks", "countTasks", "archiveTasks", "restoreTasks", "markTasks"],
      ...["listViews", "saveView", "deleteView"],
      ...[
        "taskStorage",
        "deleteTask",
        "checkRepository",
        "repositoryFiles",
        "listAgents",
        "system",
        "listGroups",
      ],
      ...["environment", "prepareEnvironment"],
      ...["connectRepository", "addRepository", "beginSsh", "disconnectRepository", "listRepositories"],
    ],
    probe: { name: "listTasks", args: [{ limit: 1 }] },
  },
  task: {
    actions: [
      ...["get", "prompt", "stop", "watch", "answer", "answerMany", "diff", "apply"],
      ...["setLabels", "changeLabels"],
      ...["startSession", "renameSession", "closeSession", "seenSessions", "markSession"],
      ...["queuedPrompt", "editPrompt", "removePrompt", "movePrompt", "chooseOption", "files"],
      ...[
        "commits",
        "filePatch",
        "fileLines",
        "fileBytes",
        "savedFolder",
        "searchSaved",
        "revert",
        "undoRevert",
      ],
      ...["review", "markViewed", "saveComment", "resolveComment", "deleteComment", "sendReview"],
      ...["checks", "runChecks", "stopChecks", "sendCheck", "attemptChecks", "runAttemptChecks"],
      ...["attemptDiff", "attemptStorage", "keepAttempt"],
      "decideSecrets",
      ...["offerHandover", "acceptHandover", "declineHandover", "withdrawHandover", "assign"],
      ...["publication", "publish", "publishChoices", "markReady"],
      ...["readPullRequest", "mergePullRequest", "addressReview", "rebase"],
    ],
    probe: { name: "get", args: [] },
  },
  environment: { actions: ["get", "stop"], probe: { name: "get", args: [] } },
  repository: {
    actions: [
      ...["get", "branches", "pullRequests", "pullRequest", "issues", "issue", "sync", "cancelFetch"],
      ...["check", "setUpWebhook", "archiveMerged"],
    ],
    probe: { name: "get", args: [] },
  },
  group: { actions: ["get", "prompt"], probe: { name: "get", args: [] } },
  inbox: { actions: ["list", "done", "snooze", "mark"], probe: { name: "list", args: [{ limit: 1 }] } },
  drafts: { actions: ["get", "save"], probe: { name: "get", args: ["new"] } },
  schedules: { actions: ["list", "save", "pause", "run", "remove"], probe: { name: "list", args: [] } },
  notifications: {
    actions: [
      ...["get", "choose", "reset", "pause", "addDevice", "removeDevice"],
      ...["setMailAddress", "setWebhook", "setSlack", "test", "retry", "dismiss"],
    ],
    probe: { name: "get", args: [] },
  },
  attention: {
    actions: [
      ...["approvals", "notificationDefaults", "setNotificationDefaults", "forgeAccounts", "setForgeAccount"],
      ...["beginAccountLink", "confirmAccountLink", "unlinkForgeAccount"],
    ],
    probe: { name: "approvals", args: [] },
  },
  administration: {
    actions: [
      ...["audit", "verifyAudit", "secrets", "setSecret", "deleteSecret"],
      ...["policy", "explainPolicy", "tryPolicy", "savePolicy", "acceptedRules", "removeAcceptedRule"],
      ...["signIn", "saveSignInProvider", "removeSignInProvider", "saveSignInDomains"],
      ...["connections", "checkConnection"],
    ],
    probe: { name: "connections", args: [] },
  },
  usage: {
    actions: [
      ...["report", "records", "prices", "setPrice", "removePrice", "budgets", "saveBudget", "deleteBudget"],
    ],
    probe: { name: "budgets", args: [] },
  },
  billing: {
    actions: ["overview", "plans", "invoices", "choosePlan", "managePayment", "refresh"],
    probe: { name: "invoices", args: [] },
  },
  session: { actions: ["events"], probe: { name: "events", args: [{ after: 0, limit: 1 }] } },
} as const;

/** Actors that exist as soon as somebody asks for them. */
const creatable: ReadonlySet<keyof typeof shapes> = new Set([
  ...(["organization", "group", "inbox", "drafts", "notifications", "schedules", "attention"] as const),
  ...(["usage", "administration", "billing"] as const),
]);

/** Creates a typed client of one organization over any transport: in-process or network. */
export function createStudioClient(
  client: ClientBase,
  organization: string = localOrganization,
): StudioClient {
  return {
    organization: createHandle(client, "organization", [organization]),
    task: (taskId) => createHandle(client, "task", [taskId]),
    session: (sessionId) => createHandle(client, "session", [sessionId]),
    environment: (id) => createHandle(client, "environment", [id]),
    repository: (id) => createHandle(client, "repository", [id]),
    group: (name) => createHandle(client, "group", [name]),
    drafts: (person) => createHandle(client, "drafts", personalKey(organization, person)),
    inbox: (person) => createHandle(client, "inbox", personalKey(organization, person)),
    notifications: (person) => createHandle(client, "notifications", personalKey(organization, person)),
    attention: createHandle(client, "attention", [organization]),
    schedules: createHandle(client, "schedules", [organization]),
    usage: createHandle(client, "usage", [organization]),
    administration: createHandle(client, "administration", [organization]),
    billing: createHandle(client, "billing", [organization]),
  };
}

function createHandle<Actions, Events>(
  client: ClientBase,
  actor: keyof typeof shapes,
  key: string[],
): StudioHandle<Actions, Events> {
  const handle = creatable.has(actor) ? client.getOrCreate(actor, key) : client.get(actor, key);
  const { actions, probe } = shapes[actor];
  const methods: Record<string, unknown> = {};
  for (const name of actions) {
    methods[name] = (...args: unknown[]) => handle.action({ name, args });
  }
  let connection: ActorConn | undefined;
  let listeners = 0;
  const release = async () => {
    listeners -= 1;
    if (listeners > 0) return;
    const current = connection;
    connection = undefined;
    await current?.dispose();
  };
  methods.on = async (name: string, listener: (payload: unknown) => void, missed: () => void = () => {}) => {
    listeners += 1;
    connection ??= handle.connect();
    const unsubscribers = [connection.on(name, listener), connection.onGap(missed)];
    const off = () => {
      for (const each of unsubscribers) each();
    };
    let closed: Promise<void> | undefined;
    try {
      await connection.ready;
      // Frames are processed in order, so the subscription is active once the probe is answered.
      await connection.action({ name: probe.name, args: probe.args });
    } catch (error) {
      off();
      await release();
      throw error;
    }
    return {
      close: () => {
        closed ??= Promise.resolve(off()).then(release);
        return closed;
      },
    };
  };
  // `shapes` defines the methods; the contract tests check that it matches the interfaces.
  return methods as StudioHandle<Actions, Events>;
}

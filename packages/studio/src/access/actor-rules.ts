/** The rules of every actor: its actions, and what else a client can do with it. */
import type { AccessInfo, ManageInfo } from "@holdfast/server";
import type { Rule } from "./rule.ts";

/** The rules of one kind of actor: either nobody reaches it, or each of its actions has a row. */
export type ActorRules =
  | "internal"
  | {
      /** True if each actor of the kind is for one person, whose id is its key. The others cannot reach it. */
      readonly isPersonal?: true;
      /** Creation by a client, and `getOrCreate`. */
      readonly create: Rule;
      /** Rules by the name of the action. `internal` stands for all actions of that group. */
      readonly actions: Readonly<Record<string, Rule>> & { readonly internal: "internal" };
    };

/** Every kind of actor, and every action of it. What is not in here is refused. */
export const actorRules = {
  organization: {
    create: "viewer",
    actions: {
      me: "viewer",
      createTask: "member",
      listTasks: "viewer",
      countTasks: "viewer",
      archiveTasks: "member",
      restoreTasks: "member",
      // The marks are those of the person who sets them.
      markTasks: "viewer",
      // And so are the views.
      listViews: "viewer",
      saveView: "viewer",
      deleteView: "viewer",
      taskStorage: "viewer",
      deleteTask: "member",
      // It reads any path of the machine that the Studio's user can read.
      checkRepository: "member",
      repositoryFiles: "member",
      // It names secrets of the vault and the server that they are sent to, and folders of the machine.
      connectRepository: "operator",
      // It names none of both: the token that comes with it is sent to the address that comes with it.
      addRepository: "admin",
      // It asks a server of the input for its key, and keeps a new secret.
      beginSsh: "admin",
      disconnectRepository: "admin",
      listRepositories: "viewer",
      listAgents: "viewer",
      listGroups: "viewer",
      // Both read any path of the machine too, and the second runs commands of the repository.
      environment: "member",
      prepareEnvironment: "member",
      system: "viewer",
      internal: "internal",
    },
  },
  task: {
    create: "internal",
    actions: {
      get: "viewer",
      diff: "viewer",
      prompt: "member",
      queuedPrompt: "viewer",
      editPrompt: "member",
      removePrompt: "member",
      movePrompt: "member",
      chooseOption: "member",
      files: "viewer",
      stop: "member",
      // It changes who is told, which is the person's own.
      watch: "viewer",
      setLabels: "member",
      changeLabels: "member",
      // The action itself asks whose the task is, and to whom it is offered.
      offerHandover: "member",
      acceptHandover: "member",
      declineHandover: "member",
      withdrawHandover: "member",
      assign: "admin",
      answer: "member",
      answerMany: "member",
      apply: "member",
      startSession: "member",
      renameSession: "member",
      closeSession: "member",
      attemptDiff: "viewer",
      attemptStorage: "viewer",
      keepAttempt: "member",
      // What was read is that of the person who reads it.
      seenSessions: "viewer",
      markSession: "viewer",
      commits: "viewer",
      filePatch: "viewer",
      fileLines: "viewer",
      fileBytes: "viewer",
      savedFolder: "viewer",
      searchSaved: "viewer",
      revert: "member",
      undoRevert: "member",
      review: "viewer",
      markViewed: "member",
      saveComment: "member",
      resolveComment: "member",
      deleteComment: "member",
      sendReview: "member",
      checks: "viewer",
      runChecks: "member",
      stopChecks: "member",
      sendCheck: "member",
      attemptChecks: "viewer",
      runAttemptChecks: "member",
      // Code of people who may not write the repository gets its secrets then.
      decideSecrets: "member",
      publication: "viewer",
      publish: "member",
      // It asks the forge, with the credential of the repository.
      publishChoices: "member",
      markReady: "member",
      readPullRequest: "member",
      mergePullRequest: "member",
      addressReview: "member",
      rebase: "member",
      internal: "internal",
    },
  },
  repository: {
    create: "internal",
    actions: {
      get: "viewer",
      branches: "viewer",
      pullRequests: "viewer",
      sync: "member",
      // They ask the forge, with the credential of the repository.
      pullRequest: "member",
      issues: "member",
      issue: "member",
      check: "member",
      cancelFetch: "member",
      // It replaces the secret, and may show the new one.
      setUpWebhook: "admin",
      archiveMerged: "admin",
      internal: "internal",
    },
  },
  session: { create: "internal", actions: { events: "viewer", internal: "internal" } },
  environment: { create: "internal", actions: { get: "viewer", stop: "member", internal: "internal" } },
  group: { create: "viewer", actions: { get: "viewer", prompt: "member", internal: "internal" } },
  inbox: {
    isPersonal: true,
    create: "viewer",
    actions: { list: "viewer", done: "viewer", snooze: "viewer", mark: "viewer", internal: "internal" },
  },
  // A file of a prompt has routes, which check the organization.
  attachment: "internal",
  drafts: {
    isPersonal: true,
    create: "viewer",
    actions: { get: "viewer", save: "viewer", internal: "internal" },
  },
  schedules: {
    create: "viewer",
    actions: {
      list: "viewer",
      save: "member",
      pause: "member",
      run: "member",
      remove: "member",
      internal: "internal",
    },
  },
  notifications: {
    isPersonal: true,
    create: "viewer",
    actions: {
      get: "viewer",
      choose: "viewer",
      reset: "viewer",
      pause: "viewer",
      addDevice: "viewer",
      removeDevice: "viewer",
      setMailAddress: "viewer",
      // The server sends requests there: the rules of egress decide which hosts it may reach.
      setWebhook: "viewer",
      setSlack: "viewer",
      test: "viewer",
      retry: "viewer",
      dismiss: "viewer",
      internal: "internal",
    },
  },
  attention: {
    create: "viewer",
    actions: {
      approvals: "viewer",
      notificationDefaults: "viewer",
      setNotificationDefaults: "admin",
      forgeAccounts: "viewer",
      // Both ask the forge, with the credential of the repository.
      beginAccountLink: "member",
      confirmAccountLink: "member",
      unlinkForgeAccount: "viewer",
      // It says whose an account is without a proof, for this organization.
      setForgeAccount: "admin",
      internal: "internal",
    },
  },
  administration: {
    create: "viewer",
    actions: {
      // It has what everybody does.
      audit: "admin",
      verifyAudit: "admin",
      // The secrets are those of the machine, and not of one organization.
      secrets: "operator",
      setSecret: "operator",
      deleteSecret: "operator",
      policy: "admin",
      explainPolicy: "admin",
      tryPolicy: "admin",
      // The rules are in force for everybody on the machine.
      savePolicy: "operator",
      acceptedRules: "admin",
      // It takes a permission away, and gives none.
      removeAcceptedRule: "admin",
      // Whoever may sign in is decided for the whole server.
      signIn: "owner",
      saveSignInProvider: "owner",
      removeSignInProvider: "owner",
      saveSignInDomains: "owner",
      connections: "admin",
      checkConnection: "admin",
      internal: "internal",
    },
  },
  // Nobody but those who decide about money sees any.
  billing: {
    create: "admin",
    actions: {
      overview: "admin",
      plans: "admin",
      invoices: "admin",
      choosePlan: "admin",
      managePayment: "admin",
      refresh: "admin",
      internal: "internal",
    },
  },
  usage: {
    create: "viewer",
    actions: {
      report: "viewer",
      records: "viewer",
      prices: "viewer",
      setPrice: "admin",
      removePrice: "admin",
      budgets: "viewer",
      saveBudget: "admin",
      deleteBudget: "admin",
      internal: "internal",
    },
  },
  access: "internal",
  organizations: "internal",
  user: "internal",
  uniqueIndex: "internal",
  verification: "internal",
  members: "internal",
  accessChanges: "internal",
  signInAttempts: "internal",
  gateVault: "internal",
  gateBudget: "internal",
  gateRates: "internal",
  gateTaint: "internal",
  gateRules: "internal",
  gateApprovals: "internal",
  auditChain: "internal",
  groupMemory: "internal",
  groupSchedules: "internal",
  groupNotices: "internal",
} as const satisfies Readonly<Record<string, ActorRules>>;

/**
 * Actions about the machine, which are for its first organization: in every other one, they need the operator. Folders of
 * the machine are checked by their paths.
 */
export const machineActions: Readonly<Record<string, readonly string[]>> = {
  administration: [
    ...["verifyAudit", "policy", "explainPolicy", "tryPolicy", "acceptedRules", "removeAcceptedRule"],
    ...["connections", "checkConnection"],
    ...["signIn", "saveSignInProvider", "removeSignInProvider", "saveSignInDomains"],
  ],
};

/** What a client can do with an actor besides its actions and its creation. Subscribing to events is `connect`. */
export const actorKindRules = {
  connect: "viewer",
  resolve: "viewer",
  cancel: "member",
  reload: "operator",
  // No actor of the Studio has queues for clients, or handles raw requests.
  send: "internal",
  request: "internal",
  websocket: "internal",
} as const satisfies Readonly<Record<Exclude<AccessInfo["kind"], "action" | "create">, Rule>>;

/** Management and inspection. They show all organizations, and the database of each actor. */
export const managementRules = {
  list: "operator",
  count: "operator",
  info: "operator",
  destroy: "operator",
  sleep: "operator",
  inspect: "operator",
  cluster: "operator",
  profile: "operator",
  // Programs on this machine need no login for these two, which contain no data of actors.
  metrics: "operator",
  documents: "operator",
} as const satisfies Readonly<Record<ManageInfo["kind"], Rule>>;

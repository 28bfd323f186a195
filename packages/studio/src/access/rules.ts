/** Who may do what: the rules of every action and every route, the roles in them, and the check that applies them. */
import type { AccessInfo, ManageInfo } from "@holdfast/server";
import { localOrganization } from "./organization-ids.ts";
import type { Role } from "./roles.ts";

/** The least that a request needs. */
export type Rule =
  /** Nobody signs in, and everyone may. */
  | "public"
  /** Nobody signs in: the handler checks a secret of the request's own. */
  | "machine"
  /** Every person, of any organization or none. */
  | "person"
  /** A person with an account, who signed in: no API token, and not the operator. */
  | "account"
  /** This role in the organization that the request is about. */
  | Role
  /** The operator: whoever can use the data directory, and signs in with a link of `holdfast url`. */
  | "operator"
  /** The Studio's own process, and nobody over the network. */
  | "internal"
  /** Another node of this Studio, over a link on which it has proven the cluster's secret. */
  | "node";

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
  // Programs on this machine need no login for these two, which contain no data of actors.
  metrics: "operator",
  documents: "operator",
} as const satisfies Readonly<Record<ManageInfo["kind"], Rule>>;

/**
 * Every route beside the actors, in the order in which they are tried: method and path, with `:name` for one part of
 * the path and `*` for the rest. `UPGRADE` is a WebSocket.
 */
export const routeRules = {
  "POST /auth/exchange": "public",
  "POST /auth/end": "person",
  // Says how people sign in here, and nothing about them.
  "GET /auth/options": "public",
  // better-auth checks the password, or the cookie, itself.
  "POST /people/auth/sign-up/email": "public",
  "POST /people/auth/sign-in/email": "public",
  "POST /people/auth/sign-out": "public",
  "POST /people/auth/change-password": "account",
  // The token of the link is the secret, and a request for a link is answered alike for every address.
  "POST /people/auth/reset-password": "public",
  "POST /people/reset": "public",
  "POST /people/sign-in-link": "public",
  "POST /people/sign-in-token": "public",
  // The answer of the passkey is the secret.
  "POST /people/passkey/options": "public",
  "POST /people/passkey": "public",
  // The provider says whose account it is; the state is bound to the browser that began.
  "GET /people/providers": "public",
  "POST /people/providers/:provider": "public",
  "GET /people/providers/:provider/callback": "public",
  "GET /people/connected": "account",
  "POST /people/providers/:provider/link": "account",
  "DELETE /people/providers/:provider": "account",
  "GET /people/me": "person",
  // For programs of people who have no browser there.
  "GET /people/accounts/:person/tokens": "operator",
  "POST /people/accounts/:person/tokens": "operator",
  "DELETE /people/accounts/:person/tokens/:token": "operator",
  "PATCH /people/me": "account",
  "GET /people/sessions": "account",
  "DELETE /people/sessions/:session": "account",
  "GET /people/passkeys": "account",
  "POST /people/passkeys/options": "account",
  "POST /people/passkeys": "account",
  "PATCH /people/passkeys/:passkey": "account",
  "DELETE /people/passkeys/:passkey": "account",
  "GET /people/tokens": "account",
  "POST /people/tokens": "account",
  "DELETE /people/tokens/:token": "account",
  // The token of the invitation is the secret.
  "GET /people/invitation": "machine",
  "POST /people/accept": "account",
  "GET /people/organizations": "person",
  // Whoever may start work somewhere; the handler checks it.
  "POST /people/organizations": "person",
  // As an organization is created; the handler checks it.
  "POST /people/organizations/import": "person",
  "GET /people/organizations/:organization/export": "owner",
  "GET /people/organizations/:organization": "viewer",
  "PATCH /people/organizations/:organization": "admin",
  "DELETE /people/organizations/:organization": "owner",
  "GET /people/organizations/:organization/members": "viewer",
  "PATCH /people/organizations/:organization/members/:person": "admin",
  "DELETE /people/organizations/:organization/members/:person": "admin",
  "POST /people/organizations/:organization/members/:person/reset": "admin",
  "POST /people/organizations/:organization/leave": "viewer",
  "POST /people/organizations/:organization/transfer": "owner",
  "GET /people/organizations/:organization/invitations": "admin",
  "POST /people/organizations/:organization/invitations": "admin",
  "DELETE /people/organizations/:organization/invitations/:invitation": "admin",
  "POST /people/organizations/:organization/invitations/:invitation/renew": "admin",
  // Files of prompts. One that is not sent yet is shown to whoever uploaded it.
  "POST /organizations/:organization/attachments": "member",
  "GET /organizations/:organization/attachments/:attachment": "viewer",
  "POST /hooks/:group/:hook": "machine",
  "POST /approvals/:hook": "machine",
  "POST /forges/:repository": "machine",
  // Stripe's signature is the secret.
  "POST /billing/webhook": "machine",
  // The token of the notification is the secret. It answers one approval, once, for the person whom it was sent to.
  "POST /notifications/answer": "machine",
  // Its calls are requests of their own, with the same credentials.
  "POST /mcp": "person",
  "UPGRADE /tasks/:task/sandbox/v1/processes/:process/terminal/ws": "member",
  // The input of whoever is no member is ignored.
  "UPGRADE /tasks/:task/sandbox/v1/desktop/stream/signaling": "viewer",
  "GET /tasks/:task/sandbox/v1/*": "viewer",
  "POST /tasks/:task/sandbox/v1/*": "member",
  "PUT /tasks/:task/sandbox/v1/*": "member",
  "PATCH /tasks/:task/sandbox/v1/*": "member",
  "DELETE /tasks/:task/sandbox/v1/*": "member",
  // The files of a step that failed, and what its jail could reach.
  "POST /environments/:environment/terminals": "member",
  "UPGRADE /environments/:environment/sandbox/v1/processes/:process/terminal/ws": "member",
  // A previewed program may change whatever its pages let change.
  "POST /tasks/:task/previews/:port": "member",
  // The web app and the inspector of sandboxes are the same for everyone, and contain no secrets.
  "GET /tasks/:task/sandbox/*": "public",
  "GET /ui/*": "public",
  "GET /*": "public",
} as const satisfies Readonly<Record<string, Rule>>;

export type RouteName = keyof typeof routeRules;

/** Every route between the nodes of a Studio. No port serves them: they are reached over links between nodes alone. */
export const nodeRouteRules = {
  "POST /node/agents": "node",
  "POST /node/repository/:operation": "node",
  "POST /node/environment/:operation": "node",
  "UPGRADE /node/sandbox/:task/v1/processes/:process/terminal/ws": "node",
  "UPGRADE /node/sandbox/:task/v1/desktop/stream/signaling": "node",
  "UPGRADE /node/sandbox/:task/v1/ports/:port/tunnel": "node",
  "UPGRADE /node/failed-step/:environment/v1/processes/:process/terminal/ws": "node",
  "GET /node/sandbox/:task/v1/*": "node",
  "POST /node/sandbox/:task/v1/*": "node",
  "PUT /node/sandbox/:task/v1/*": "node",
  "PATCH /node/sandbox/:task/v1/*": "node",
  "DELETE /node/sandbox/:task/v1/*": "node",
} as const satisfies Readonly<Record<string, "node">>;

export type NodeRouteName = keyof typeof nodeRouteRules;

/** Actions by which a program could answer the question that it waits for. */
const answering: Readonly<Record<string, readonly string[]>> = {
  task: ["answer", "answerMany", "decideSecrets"],
  // A notification on a device has a token that answers.
  notifications: ["addDevice"],
  // An agent that can write comments must not become its person's account.
  attention: ["beginAccountLink", "confirmAccountLink", "unlinkForgeAccount", "setForgeAccount"],
};

/** True for an action that answers questions of the gate or of an agent, which not every API token may. */
export function answersApproval({ actor, action = "" }: Pick<AccessInfo, "actor" | "action">): boolean {
  return Object.hasOwn(answering, actor) && answering[actor]?.includes(action) === true;
}

/** Routes by which a person gives up what they have: nobody wants that of a program that only reads. */
const givingUp: readonly RouteName[] = ["POST /people/organizations/:organization/leave"];

/** True for a route that not every API token may call, although its person may. */
export function givesUp(route: RouteName): boolean {
  return givingUp.includes(route);
}

/** True if each actor of this kind is for one person, whose id is its key. */
export function isPersonal(actor: string): boolean {
  const rules: ActorRules | undefined = Object.hasOwn(actorRules, actor)
    ? actorRules[actor as keyof typeof actorRules]
    : undefined;
  return rules !== undefined && rules !== "internal" && rules.isPersonal === true;
}

/**
 * The rule of an action, or of another operation on an actor, in an organization; undefined if it has no row.
 */
export function ruleOfActor(
  { kind, actor, action }: Pick<AccessInfo, "kind" | "actor" | "action">,
  organization: string = localOrganization,
): Rule | undefined {
  const rules: ActorRules | undefined = Object.hasOwn(actorRules, actor)
    ? actorRules[actor as keyof typeof actorRules]
    : undefined;
  if (rules === undefined || rules === "internal") return rules;
  if (kind === "create") return rules.create;
  if (kind !== "action") return actorKindRules[kind];
  const [name = ""] = action?.split(".", 1) ?? [];
  if (name === "internal") return "internal";
  const isOfMachine = action !== undefined && machineActions[actor]?.includes(action) === true;
  if (isOfMachine && organization !== localOrganization) return "operator";
  return action !== undefined && Object.hasOwn(rules.actions, action) ? rules.actions[action] : undefined;
}

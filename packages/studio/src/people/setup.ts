/** People on this server: accounts, sessions, API tokens, and the members of an organization. */
import type { ClientBase } from "@holdfast/client";
import { HoldfastError, isErrorCode, type Logger, type Ports, uuidv7 } from "@holdfast/core";
import type { AuditEntry } from "@holdfast/gate";
import type { ValueTokens } from "../backend/value-tokens.ts";
import type { RunningNodes } from "../cluster/other-nodes.ts";
import { PersonSignals } from "./access-changes.ts";
import { createPeopleActors, PeopleActors } from "./actors/people-actors.ts";
import { Attempts } from "./auth/attempts.ts";
import { type Auth, createAuth } from "./auth/auth.ts";
import { AccessWatch } from "./cluster/access-watch.ts";
import { ForgeAccounts } from "./forge-accounts.ts";
import { Links } from "./links.ts";
import type { Mailer } from "./mail/mailer.ts";
import { Organizations } from "./organizations.ts";
import { Challenges } from "./passkeys/challenge.ts";
import { Passkeys } from "./passkeys/passkeys.ts";
import { People } from "./people.ts";
import { AttemptCookies } from "./providers/attempt-cookie.ts";
import { ProviderAccounts } from "./providers/join.ts";
import { Providers, type SignInSettings } from "./providers/providers.ts";
import { SignInAdministration, type SignInStore, settingsInForce } from "./providers/sign-in-settings.ts";
import { createPeopleRoutes } from "./routes.ts";

export interface PeopleSetupOptions {
  readonly ports: Ports;
  readonly client: () => ClientBase;
  /** Where people open the Studio, without a slash at the end. */
  readonly origin: () => string;
  /** True if a proxy in front says whose request it is. */
  readonly trustsProxy: boolean;
  /** Undefined where no mail server is set up. */
  readonly mailer: Mailer | undefined;
  /** True for a node of a cluster: limits and changes of rights hold at all nodes. */
  readonly isNode: boolean;
  /** This node and those that run beside it; undefined on a single node. */
  readonly nodes: () => RunningNodes | undefined;
  /** Somebody has joined an organization, or left it. */
  readonly membersChanged?: (organization: string) => void;
  readonly valueTokens: () => ValueTokens;
  /** Removes what the nodes have on disk for an organization besides its tasks and repositories. */
  readonly removeFiles: (organization: string) => Promise<void>;
  /** Where people have other accounts to sign in with, as the environment says. */
  readonly signIn: SignInSettings;
  /** What was saved about that, and the secrets for it. */
  readonly signInStore: SignInStore;
  /** Appends an entry to the audit log. */
  readonly audit: (entry: AuditEntry) => Promise<void>;
}

/** Creates the parts of a Studio with people. Requests are served after `start`. */
export function setUpPeople(options: PeopleSetupOptions) {
  const {
    ports,
    client,
    origin,
    trustsProxy,
    mailer,
    isNode,
    audit,
    membersChanged,
    removeFiles,
    valueTokens,
    nodes,
  } = options;
  const changes = new PersonSignals();
  const actors = new PeopleActors(client);
  let started: Auth | undefined;
  const auth = () => required(started);
  const { clock, log } = ports;
  const forgeAccounts = new ForgeAccounts({ actors, client, log });
  const people = new People({ actors, auth, forgeAccounts, now: () => clock.now() });
  const attempts = isNode ? actors.attempts : new Attempts(() => clock.now());
  const links = new Links({ people, mailer, origin, attempts, log });
  let challenges: Challenges | undefined;
  let cookies: AttemptCookies | undefined;
  const passkeys = new Passkeys({ actors, now: () => clock.now(), challenges: () => required(challenges) });
  const organizations = new Organizations({
    ...{ actors, client, forgeAccounts, removeFiles, log, valueTokens, nodes },
    now: () => clock.now(),
    newId: () => uuidv7(clock, ports.random),
  });
  const { signIn, signInStore } = options;
  const settings = () => settingsInForce(signIn, signInStore);
  const { readSecret } = signInStore;
  const providers = new Providers({ settings, readSecret, origin, now: () => clock.now() });
  const domains = async () => (await settings()).domains ?? [];
  const accounts = new ProviderAccounts({ actors, people, forgeAccounts, auth, domains });
  let watch: AccessWatch | undefined;
  return {
    changes,
    actors: createPeopleActors({
      ports,
      accessChanged: (person) => changes.changed(person),
      tellAccounts: (person) => forgeAccounts.tell(person),
      ...(isNode ? { announce: (person: string) => actors.announce(person) } : {}),
      ...(membersChanged === undefined ? {} : { membersChanged }),
      listChanged: (organization) => tellPages(client(), organization, log),
    }),
    identify: people.identify,
    standing: people.standing,
    mentioned: people.mentioned,
    /** Ids of the owners of an organization. */
    owners: async (organization: string) =>
      (await people.members(organization)).flatMap(({ role, person }) => (role === "owner" ? [person] : [])),
    countMembers: async (organization: string) => (await people.members(organization)).length,
    routes: createPeopleRoutes({
      ...{ people, organizations, auth, links, passkeys, providers, accounts, attempts },
      ...{ origin, trustsProxy, audit, log, cookies: () => required(cookies) },
    }),
    /** Connections that an admin can check. */
    connections: () => providers.connections(),
    signIn: new SignInAdministration(signIn, signInStore, providers),
    /** `secret` signs the cookies of sessions. */
    start(secret: string): void {
      const isSecure = origin().startsWith("https:");
      started = createAuth({
        ...{ actors, secret, isSecure, log, attempts },
        sendSignInToken: links.sendSignInToken,
      });
      challenges = new Challenges(secret, () => clock.now());
      cookies = new AttemptCookies(secret, isSecure, () => clock.now());
      if (isNode) watch = new AccessWatch({ client: client(), changes, ports });
    },
    /** Completes deletions of organizations that the last process left unfinished. */
    resume: () => organizations.resume(),
    sendsMail: links.sendsMail,
    async close(): Promise<void> {
      await organizations.close();
      await links.close();
      await watch?.close();
    },
  };
}

/** Tells the open pages of an organization that its list of people is another one. They read it again. */
function tellPages(client: ClientBase, organization: string, log: Logger): void {
  client
    .get("organization", [organization])
    .action({ name: "internal.peopleChanged", args: [] })
    .catch((error: unknown) => {
      // It is not there yet, or not any more: nobody looks at it.
      if (!isErrorCode(error, "actor", "not_found"))
        log.warn("pages were not told of a change of people", { organization, error });
    });
}

/** What is there once the Studio has started. Throws `studio.not_started`. */
function required<Value>(value: Value | undefined): Value {
  if (value !== undefined) return value;
  throw new HoldfastError("studio", "not_started", "The Studio has not started yet");
}

export type PeopleSetup = ReturnType<typeof setUpPeople>;

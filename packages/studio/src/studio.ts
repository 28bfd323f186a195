import type { ActorStore } from "@holdfast/actors";
import type { Logger } from "@holdfast/core";
import type { ConfiningDriverName, VaultConfig } from "@holdfast/gate";
import type { ClusterOptions } from "@holdfast/server";
import type { Identify } from "./access/person.ts";
import type { StudioAgent } from "./agents.ts";
import type { RepositoryActions, RepositoryEvents } from "./backend/repositories/contract.ts";
import type { StripeSettings } from "./billing/stripe.ts";
import type { AdministrationActions } from "./contract/administration.ts";
import type { BillingActions, BillingEvents } from "./contract/billing.ts";
import type { DemoTeam } from "./contract/people.ts";
import type { UsageActions, UsageEvents } from "./contract/usage.ts";
import type {
  AttentionActions,
  AttentionEvents,
  DraftsActions,
  DraftsEvents,
  EnvironmentActions,
  EnvironmentEvents,
  GroupActions,
  GroupEvents,
  InboxActions,
  InboxEvents,
  NotificationActions,
  NotificationEvents,
  OrganizationActions,
  OrganizationEvents,
  SchedulesActions,
  SchedulesEvents,
  SessionActions,
  SessionEvents,
  TaskActions,
  TaskEvents,
} from "./contract.ts";
import type { StudioLimits } from "./limits.ts";
import type { MailSettings } from "./people/mail/mailer.ts";
import type { SignInSettings } from "./people/providers/providers.ts";

/** Driver that creates the agents' jails. */
export interface StudioJails {
  readonly driver?: ConfiningDriverName;
  /** Socket of podman or docker; the engine's default path if omitted. */
  readonly engineSocket?: string;
  /** Path of Apple's `container` program; its installer's default path if omitted. */
  readonly containerPath?: string;
  /** Base image of its jails: `docker.io/library/node:24-bookworm` by default. */
  readonly containerImage?: string;
}

/** Options and result of `createStudio`, which is the only entry point for the `holdfast` command and the tests. */
export interface StudioOptions {
  /** Absolute path of the directory with all persistent data. Created with mode 0700 if missing. */
  readonly dataDirectory: string;
  /**
   * Where the actors are kept instead of in the data directory: the URL of a PostgreSQL database or a Redis server,
   * or a function that opens a store.
   */
  readonly store?: string | (() => ActorStore | Promise<ActorStore>);
  /** Makes this process a node of a cluster, with other Studios over the same store. */
  readonly cluster?: ClusterOptions;
  /**
   * Key of 32 bytes, in base64 or hexadecimal, with which the nodes of a cluster seal the secrets that they share; several
   * with commas while it is being rotated. By default that of HOLDFAST_CLUSTER_KEY.
   */
  readonly clusterKey?: string;
  /** A file with the same; by default that of HOLDFAST_CLUSTER_KEY_FILE. */
  readonly clusterKeyFile?: string;
  /** TCP port; 0 (default) lets the system choose one. */
  readonly port?: number;
  /**
   * Host to listen on: "127.0.0.1" by default. Any other host must be set explicitly, and is then an allowed Host
   * header; "0.0.0.0" and "::" allow all addresses that the machine has at the start.
   */
  readonly host?: string;
  /** Jail driver; bubblewrap by default, and Apple's container on macOS. */
  readonly jails?: StudioJails;
  /** Runs agents as plain processes of this user, without isolation. Shown wherever a task is shown. */
  readonly unsafeNoJail?: boolean;
  /**
   * Which tasks this process runs: all (true, the default), those created by it ("new"), a single one, or none
   * (false). The next start resumes the others.
   */
  readonly runTasks?: boolean | "new" | { readonly task: string };
  /** Directory of installed agents; `<dataDirectory>/agents` by default. */
  readonly agentsDirectory?: string;
  /** Folder of the built web app; the bundled one by default. */
  readonly webDirectory?: string;
  readonly log?: Logger;
  /**
   * Who sends a request that has no login of the operator, for people who sign in elsewhere: with a proxy in front,
   * for example. Without it, the operator is the only person. Asked for each request and each call over a connection.
   */
  readonly identify?: Identify;
  /**
   * True for people with accounts: sign-up by invitation, sign-in with e-mail and password, API tokens, members with
   * roles. False by default: the operator is the only person. The same on all nodes. Not with `identify`.
   */
  readonly people?: boolean;
  /** With `people`: accounts at GitHub or an OpenID Connect server with which people sign in. */
  readonly signIn?: SignInSettings;
  /** Shows everybody whom they may sign in as, with `people`. Only for a server that nobody else can reach. */
  readonly demoTeam?: DemoTeam;
  /**
   * Where people open the Studio, if a proxy is in front: "https://studio.example.org". It is an allowed Host, begins the
   * links to people, and with https its cookies are Secure.
   */
  readonly origin?: string;
  /**
   * Host names of previews, if people do not open the Studio by a loopback address: "https://*.preview.example.org". All of
   * them must lead here. By default they are below "localhost".
   */
  readonly previewOrigin?: string;
  /**
   * True if a proxy in front adds the client's address to X-Forwarded-For. Attempts to sign in are then limited by that
   * address instead of the socket's. False by default: any client can send the header.
   */
  readonly trustProxy?: boolean;
  /**
   * Sells plans, which `plans.json` in the data directory describes, through an account of Stripe. Without it there are
   * no plans, seats or prices.
   */
  readonly billing?: StripeSettings;
  /** Mail server for notifications, and with `people` for invitations and links to reset passwords. */
  readonly mail?: MailSettings;
  /**
   * Environment for model keys and for the PATH on which agents are found; `process.env` by default. None of its
   * variables reach a jail.
   */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Agents in addition to the built-in ones. */
  readonly customAgents?: readonly StudioAgent[];
  /** Overrides individual limits. */
  readonly limits?: Partial<StudioLimits>;
  /** Where to find logins, in addition to `environment`. */
  readonly vault?: Omit<VaultConfig, "env">;
}

/** A running Studio. */
export interface Studio {
  /** `http://127.0.0.1:<port>`, or with the configured `host`; without a path. */
  readonly url: string;
  readonly port: number;
  readonly dataDirectory: string;
  /** In-process client of the actors, with the owner's permissions. */
  readonly client: StudioClient;
  /** Issues a one-time ticket, valid for five minutes: open `${url}/#ticket=${ticket}` in a browser. */
  issueTicket(): Promise<string>;
  /** Calls the gate of a node for a command of its owner. Throws `control.not_found`, and what the call throws. */
  gate(call: string, args: readonly unknown[]): Promise<unknown>;
  /** Copies all persistent data into a new or empty directory, while the Studio keeps running. */
  backup(directory: string): Promise<void>;
  /** Stops accepting requests, stops all jails, and resolves when everything is durable. Idempotent. */
  close(): Promise<void>;
}

/** The owner's client of the backend; the same on the command line and in the browser. */
export interface StudioClient {
  readonly organization: StudioHandle<OrganizationActions, OrganizationEvents>;
  task(taskId: string): StudioHandle<TaskActions, TaskEvents>;
  session(sessionId: string): StudioHandle<SessionActions, SessionEvents>;
  environment(id: string): StudioHandle<EnvironmentActions, EnvironmentEvents>;
  repository(id: string): StudioHandle<RepositoryActions, RepositoryEvents>;
  group(name: string): StudioHandle<GroupActions, GroupEvents>;
  /** The inbox of a person, by the id that `organization.me` tells. */
  inbox(person: string): StudioHandle<InboxActions, InboxEvents>;
  /** The unsent prompts of a person. */
  drafts(person: string): StudioHandle<DraftsActions, DraftsEvents>;
  /** What is delivered to a person, and where; the same id. */
  notifications(person: string): StudioHandle<NotificationActions, NotificationEvents>;
  /** The open approvals of all tasks. */
  readonly attention: StudioHandle<AttentionActions, AttentionEvents>;
  readonly schedules: StudioHandle<SchedulesActions, SchedulesEvents>;
  /** What was used, what it cost, and budgets. */
  readonly usage: StudioHandle<UsageActions, UsageEvents>;
  /** Plan, seats and invoices of the organization, where the operator sells plans. */
  readonly billing: StudioHandle<BillingActions, BillingEvents>;
  /** Audit log, secrets, policy, connections. */
  readonly administration: StudioHandle<AdministrationActions, Record<never, never>>;
}

/** Handle of one actor: its actions and its events. */
export type StudioHandle<Actions, Events> = Actions & {
  /**
   * Subscribes to an event; resolves once the subscription is active. `missed` is called when events were lost, for
   * example during a server restart: fetch the current state again.
   */
  on<Name extends keyof Events>(
    name: Name,
    listener: (payload: Events[Name]) => void,
    missed?: () => void,
  ): Promise<{ close(): Promise<void> }>;
};

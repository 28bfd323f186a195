import type { ForgeKind, ForgePage, Issue, PullRequest } from "../../forges/forge.ts";
import type { FetchProgress } from "../../remotes/fetch-progress.ts";

/** Where a repository is. Secrets are named, and stay in the vault. */
export type RepositorySource =
  /** A folder of this machine with a git repository. */
  { readonly kind: "folder"; readonly path: string } | GitSource | ForgeSource;

/** A repository of any server that git reaches over HTTPS: without pull requests. */
export interface GitSource {
  readonly kind: "git";
  /** Address for git, without a user. */
  readonly url: string;
  /** `secret` names the password or token. Absent for what everyone can read. */
  readonly credential?: { readonly username: string; readonly secret: string };
  /** Of an address over SSH. */
  readonly ssh?: SshSource;
}

/** How the host proves itself to a server over SSH, and the server to the host. */
export interface SshSource {
  /** Names the private key: its file in base64, on one line. */
  readonly secret: string;
  readonly publicKey: string;
  /** The server's key that a person has confirmed, as a line of known hosts. */
  readonly knownHosts: string;
  readonly fingerprint: string;
}

/** What a person looks at before a repository is connected over SSH. */
export interface SshConnection {
  readonly id: string;
  /** To be added at the server as a deploy key. */
  readonly publicKey: string;
  readonly host: string;
  /** Of the key that the server shows now. */
  readonly fingerprint: string;
}

/** What a person enters to connect a repository. */
export type AddRepositoryInput =
  | { readonly path: string }
  | {
      /** HTTPS address, as it is in a browser, or an address over SSH. */
      readonly url: string;
      /** Default: what the address looks like; "git" without a token. */
      readonly kind?: "git" | ForgeKind;
      /** Base of the forge's API, if it is not at its usual place. */
      readonly apiUrl?: string;
      /** User for git; most servers accept any with a token. */
      readonly username?: string;
      readonly token?: string;
      /** Of an address over SSH: what `beginSsh` has answered, once a person has confirmed it. */
      readonly ssh?: Pick<SshConnection, "id" | "fingerprint">;
      /** Instead of a token: the installation of a GitHub App, with its private key as a PEM file. */
      readonly app?: {
        readonly appId: string;
        readonly installationId: number;
        readonly privateKey: string;
      };
    };

export interface ForgeSource {
  readonly kind: "forge";
  readonly forge: ForgeKind;
  /** Base of the forge's API, without a slash at its end. */
  readonly apiUrl: string;
  /** Owner and name with a slash between. */
  readonly fullName: string;
  readonly credential: ForgeCredential;
  /** Name of the secret that the forge signs its webhooks with. */
  readonly webhookSecret?: string;
}

export type ForgeCredential =
  /** `secret` names an access token. */
  | { readonly kind: "token"; readonly secret: string }
  /** Installation of a GitHub App. `secret` names its private key: the PEM file in base64, on one line. */
  | {
      readonly kind: "app";
      readonly appId: string;
      readonly installationId: number;
      readonly secret: string;
    };

/** How the webhooks of a repository are verified. */
export interface WebhookSettings {
  readonly forge: ForgeKind;
  /** Name of the secret. */
  readonly secret: string;
}

/** A repository in lists. Times are milliseconds since the epoch. */
export interface RepositorySummary {
  readonly id: string;
  readonly name: string;
  readonly kind: "folder" | "git" | ForgeKind;
  /** `waiting`: for a rate limit or a forge that does not answer. `failed`: until somebody mends what `error` says. */
  readonly status: "syncing" | "synced" | "waiting" | "failed";
  readonly branches: number;
  readonly pullRequests: number;
  readonly openPullRequests: number;
  /** End of the last complete sync. */
  readonly syncedAt: number | null;
  readonly retryAt: number | null;
  readonly error: RepositoryError | null;
  /** The copy on the host that tasks start from. Absent for a folder, and before the first fetch. */
  readonly mirror?: MirrorView;
}

export interface RepositoryError {
  readonly code: string;
  readonly message: string;
}

/** The host's copy of a repository. */
export interface MirrorView {
  readonly status: "fetching" | "ready" | "failed";
  readonly progress?: FetchProgress;
  /** End of the last complete fetch. */
  readonly fetchedAt?: number;
  readonly defaultBranch?: string;
  readonly error?: RepositoryError;
}

/** What the host tells a repository about a fetch. */
export type FetchReport =
  | ({ readonly status: "fetching" } & FetchProgress)
  | { readonly status: "ready"; readonly fetchedAt: number; readonly defaultBranch: string }
  | { readonly status: "failed"; readonly error: RepositoryError };

/** One part of a connection, as "check now" finds it. */
export interface ConnectionCheck {
  readonly id: "folder" | "server" | "repository" | "pull-requests" | "git" | "mirror" | "webhook";
  readonly name: string;
  readonly status: "ok" | "warning" | "failed";
  readonly detail: string;
  /** What to do about it. */
  readonly next?: string;
}

/** Whether webhooks arrive. */
export interface WebhookView {
  readonly isSetUp: boolean;
  /** Path below the Studio's address. */
  readonly path: string;
  readonly deliveredAt?: number;
  /** Deliveries that were refused, the newest first, at most 10. Equal ones in a row are one. */
  readonly failures: readonly WebhookFailure[];
}

export interface WebhookFailure {
  readonly at: number;
  readonly count: number;
  readonly code: string;
  readonly message: string;
}

/** The Studio has set up the webhook, or a person has to: the secret is shown this once. */
export type WebhookSetup =
  | { readonly isSetUp: true; readonly url: string }
  | { readonly isSetUp: false; readonly url: string; readonly secret: string; readonly reason: string };

/** What has changed in a summary since `base`, the revision that the receiver has; 0 when it has none. */
export interface RepositoryPatch {
  readonly id: string;
  readonly base: number;
  readonly revision: number;
  readonly changes: Partial<RepositorySummary>;
}

export interface RepositoryView extends RepositorySummary {
  readonly source: RepositorySource;
  /** Absent for repositories without webhooks. */
  readonly webhook?: WebhookView;
  /** True if a task is archived when its pull request was merged. */
  readonly archivesMerged: boolean;
}

export interface BranchView {
  readonly name: string;
  readonly commit: string;
  readonly isProtected: boolean;
}

/** A pull request as it is kept: its body is read from the forge when somebody opens it. */
export type PullRequestView = Omit<PullRequest, "body" | "isMergeable">;

export interface PullRequestQuery {
  /** Default: all. */
  readonly state?: PullRequest["state"];
  /** 1 to 200. Default: 50. */
  readonly limit?: number;
  /** Only smaller numbers than this. */
  readonly before?: number;
  /** True for those alone that no task was started on, or has opened. */
  readonly withoutTask?: boolean;
}

export interface RepositoryActions {
  get(): Promise<RepositoryView>;
  /** By name, at most 1,000 after `after`. */
  branches(query?: { readonly after?: string }): Promise<readonly BranchView[]>;
  /** Latest numbers first. */
  pullRequests(query?: PullRequestQuery): Promise<readonly PullRequestView[]>;
  /** Open issues, from the forge; with `withoutTask`, those that no task was started on. Throws `repository.no_issues`, `forge.*`. */
  issues(page?: number, withoutTask?: boolean): Promise<ForgePage<Issue>>;
  /** One issue with its text, open or closed, from the forge. Throws `repository.no_issues`, `forge.*`. */
  issue(number: number): Promise<Issue>;
  /** One pull request with its text, from the forge. Throws `forge.*`. */
  pullRequest(number: number): Promise<PullRequest>;
  /** Compares everything with the forge now, and fetches the host's copy. */
  sync(): Promise<void>;
  /** Ends a running fetch of the host's copy. Idempotent. */
  cancelFetch(): Promise<void>;
  /** Tries each part of the connection. */
  check(): Promise<readonly ConnectionCheck[]>;
  /**
   * Sets up the webhook at the forge, with a new secret. `studioUrl` is the address at which the forge reaches the Studio.
   * Throws `repository.invalid_webhook_url`, `.no_webhooks`.
   */
  setUpWebhook(studioUrl: string): Promise<WebhookSetup>;
  /** Whether a task is archived when its pull request was merged. Throws `repository.invalid_input`. */
  archiveMerged(isOn: boolean): Promise<void>;
}

export interface RepositoryEvents {
  changed: RepositorySummary;
}

/** Actions of `organization` about its repositories. */
export interface RepositoryListActions {
  /** Starts to sync a repository. Throws `repository.invalid_source`, `.too_many`. */
  connectRepository(source: RepositorySource): Promise<RepositorySummary>;
  /**
   * Connects a repository with its address and a token, which is kept in the vault, after trying them. Throws
   * `repository.invalid_address`, `.invalid_source`, `.empty`, `.too_many`, `forge.*`, `vault.invalid_secret`.
   */
  addRepository(input: AddRepositoryInput): Promise<RepositorySummary>;
  /**
   * Makes a key for a repository over SSH, or takes the given one, and asks the server for its own. Nothing is connected yet.
   * Throws `repository.invalid_address`, `.invalid_key`, `.ssh_missing`, `forge.unavailable`.
   */
  beginSsh(input: { readonly url: string; readonly privateKey?: string }): Promise<SshConnection>;
  /** Removes what is kept of a repository. The repository itself is left alone. */
  disconnectRepository(id: string): Promise<void>;
  listRepositories(): Promise<readonly RepositorySummary[]>;
}

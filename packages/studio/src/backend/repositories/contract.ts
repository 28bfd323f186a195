import type { ForgeKind, PullRequest } from "../../forges/forge.ts";

/** Where a repository is. Secrets are named, and stay in the vault. */
export type RepositorySource =
  /** A folder of this machine with a git repository. */
  { readonly kind: "folder"; readonly path: string } | ForgeSource;

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
  readonly kind: "folder" | ForgeKind;
  /** `waiting`: for a rate limit or a forge that does not answer. `failed`: until somebody mends what `error` says. */
  readonly status: "syncing" | "synced" | "waiting" | "failed";
  readonly branches: number;
  readonly pullRequests: number;
  readonly openPullRequests: number;
  /** End of the last complete sync. */
  readonly syncedAt: number | null;
  readonly retryAt: number | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** What has changed in a summary since `base`, the revision that the receiver has; 0 when it has none. */
export interface RepositoryPatch {
  readonly id: string;
  readonly base: number;
  readonly revision: number;
  readonly changes: Partial<RepositorySummary>;
}

export interface RepositoryView extends RepositorySummary {
  readonly source: RepositorySource;
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
}

export interface RepositoryActions {
  get(): Promise<RepositoryView>;
  /** By name, at most 1,000 after `after`. */
  branches(query?: { readonly after?: string }): Promise<readonly BranchView[]>;
  /** Latest numbers first. */
  pullRequests(query?: PullRequestQuery): Promise<readonly PullRequestView[]>;
  /** Compares everything with the forge now. */
  sync(): Promise<void>;
}

export interface RepositoryEvents {
  changed: RepositorySummary;
}

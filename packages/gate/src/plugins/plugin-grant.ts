import type { EgressHost, EgressUpstream } from "../egress/egress.ts";
import type { PluginConnection } from "./credentials/connections.ts";
import type { SharedFolder } from "./runtime/api.ts";

/** What the operator gives a plugin beyond its manifest. */
export interface PluginGrant {
  /** Further egress upstreams; one with a declared name replaces it. */
  readonly egress?: readonly EgressUpstream[];
  /** Hosts that it may reach by their own addresses. Their names must lead to public ones. */
  readonly hosts?: readonly EgressHost[];
  /** Folders of the host that the plugin may use, by name (a-z, 0-9, "-"). */
  readonly folders?: Readonly<Record<string, SharedFolder>>;
  /** Servers that it may speak to by TCP, by name (a-z, 0-9, "-"): one host and port each. */
  readonly connections?: Readonly<Record<string, PluginConnection>>;
  /** Repositories of one git host, as the egress "git". */
  readonly git?: PluginGit;
  /** Bytes its data folder may hold, instead of `pluginLimits.diskBytes`. */
  readonly diskBytes?: number;
  /** Files and folders its data folder may hold, instead of `pluginLimits.diskEntries`. */
  readonly diskEntries?: number;
}

/** The repositories of one git host that a plugin may reach. */
export interface PluginGit {
  /** Address of the host. It may be private. */
  readonly baseUrl: string;
  /** A GitHub App whose tokens are presented for the repositories that are `minted`. */
  readonly app?: {
    readonly id: string;
    readonly installation: string;
    /** Key of the plugin's credential that is the app's private key (PEM). */
    readonly credential: string;
    readonly api?: string;
  };
  readonly repositories: readonly {
    /** Below the address, without ".git". */
    readonly path: string;
    readonly push?: boolean;
    /** Key of one of the plugin's credentials: a token that the gate presents for this repository alone. */
    readonly credential?: string;
    /** True for a token of `app`, made for this repository and revoked when the plugin's process ends. */
    readonly minted?: boolean;
  }[];
}

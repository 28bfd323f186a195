import type { ForgeItem } from "../../contract/inbox.ts";

/** A pull request, and the accounts that are asked to review it now: none once it waits for nobody. */
export interface ReviewRequest {
  readonly item: ForgeItem;
  /** In lower case. */
  readonly logins: readonly string[];
}

/** A comment that names accounts. */
export interface ForgeMention {
  /** The same whenever it is told, in its repository. */
  readonly id: string;
  readonly item: ForgeItem;
  readonly author: string;
  readonly text: string;
  /** In lower case. */
  readonly logins: readonly string[];
}

/** What a repository tells `attention`. It can be told again: each part says how things stand. */
export interface ForgeNews {
  readonly version: 1;
  /** Id of the repository. */
  readonly repository: string;
  /** Base of the forge's API. */
  readonly server: string;
  readonly at: number;
  readonly reviews?: readonly ReviewRequest[];
  readonly mentions?: readonly ForgeMention[];
  /** True once it is disconnected: nothing of it is asked any more. */
  readonly isGone?: true;
}

export type ForgeChange =
  | { readonly type: "review-requested"; readonly item: ForgeItem }
  | { readonly type: "review-ended"; readonly repositoryId: string; readonly number: number }
  | { readonly type: "mentioned"; readonly item: ForgeItem; readonly text: string; readonly cause: string }
  | { readonly type: "repository-gone"; readonly repositoryId: string };

/** What `attention` tells the inbox of a person. `seq` counts its messages, so that one which arrives twice counts once. */
export interface ForgeNotice {
  readonly version: 1;
  readonly seq: number;
  readonly at: number;
  readonly change: ForgeChange;
}

/** A change for one person. */
export interface PersonChange {
  readonly person: string;
  readonly change: ForgeChange;
}

/** Messages between the actors of the inbox and those of notifications. */
import type { InboxEntry } from "../../contract.ts";
import type { KeptChoices } from "./settings.ts";

/** A person who has an inbox or notifications. */
export interface NewPerson {
  readonly version: 1;
  readonly person: string;
}

/** What an inbox tells: entries to notify of, and entries that need no notification any more. */
export interface InboxNotice {
  readonly version: 1;
  readonly notify: readonly InboxEntry[];
  readonly seen: readonly string[];
}

/** The choices of an organization, for those that its people have not made. */
export interface OrganizationDefaults {
  readonly version: 1;
  readonly choices: KeptChoices;
}

/** What the actors about notifications ask of their process: the ways out, and what is known about a person. */
import type { ForgeItem, PaymentOutcome } from "../../contract/inbox.ts";
import type { InboxKind, InboxTask } from "../../contract.ts";

/** What a notification is about. */
export interface NotificationMessage {
  /** The same for every attempt and channel. Receivers drop repetitions by it. */
  readonly id: string;
  /** Id of the entry in the inbox. A newer notification about it takes the place of an older one. */
  readonly entry: string;
  readonly kind: InboxKind;
  /** Absent for what is about a payment, or about an item of a forge. */
  readonly task?: InboxTask;
  readonly item?: ForgeItem;
  readonly payment?: PaymentOutcome;
  /** Absent for the first one. */
  readonly organization?: string;
  /** Title of the approval, message of the error, name of the pull request or text of the comment; may be empty. */
  readonly text: string;
  readonly at: number;
  readonly approval?: MessageApproval;
}

export interface MessageApproval {
  readonly id: string;
  readonly expiresAt: number;
  /** What it would do, if all of that fits into a notification. Without it, it is allowed in the Studio only. */
  readonly detail?: string;
  /** Answers it, once, for the device that gets this. */
  readonly token?: string;
}

export interface PushSubscription {
  readonly endpoint: string;
  readonly p256dh: string;
  readonly auth: string;
}

/** Where one delivery goes. */
export type Destination =
  | { readonly channel: "push"; readonly subscription: PushSubscription }
  | { readonly channel: "mail"; readonly to: string }
  | { readonly channel: "webhook"; readonly url: string; readonly secret: string }
  /** The address is the secret itself. */
  | { readonly channel: "slack"; readonly secret: string };

export type SendOutcome =
  | { readonly isDelivered: true }
  | {
      readonly isDelivered: false;
      /** The reason and the next step, for the person. */
      readonly error: string;
      /** True if another attempt would fail too. */
      readonly isFinal: boolean;
      /** True if the destination does not exist any more. */
      readonly isGone?: boolean;
      /** As the receiver asks. */
      readonly retryAfterMs?: number;
    };

/** What is known about a person in an organization. */
export interface Standing {
  /** False for somebody who is no member any more, and gets nothing. */
  readonly mayRead: boolean;
  /** False for a viewer, and where nobody knows without a request of theirs. */
  readonly mayAnswer: boolean;
  readonly name?: string;
  /** Address of the account; null for a person without one. */
  readonly email: string | null;
}

export interface NotificationPort {
  /** The public key with which browsers subscribe. */
  pushKey(): Promise<string>;
  readonly hasMail: boolean;
  standing(person: string, organization: string): Promise<Standing>;
  /** Ids of the members of an organization whom a text mentions with `@name`. */
  mentioned(text: string, organization: string): Promise<readonly string[]>;
  /** Sends messages as one, or a test if there is none. Never throws. */
  send(destination: Destination, messages: readonly NotificationMessage[]): Promise<SendOutcome>;
  /** Throws `notification.invalid_input`, `egress.address_refused`, `egress.name_not_found`. */
  checkAddress(url: string): Promise<void>;
  /** Stores a value in the vault under a name. */
  storeSecret(name: string, value: string): Promise<void>;
  deleteSecret(name: string): Promise<void>;
}

import type { InboxKind } from "./inbox.ts";

/** Ways by which news of the inbox reach a person outside the page. */
export type NotificationChannel = "push" | "mail" | "webhook" | "slack";

/** Times at which nothing is delivered. What is still unread at their end follows then. */
export interface QuietHours {
  /** Local times, "22:00". They pass midnight if `to` is not after `from`. */
  readonly from: string;
  readonly to: string;
  /** IANA name. */
  readonly timeZone: string;
  /** Kinds that are delivered all the same. */
  readonly breaksThrough: readonly InboxKind[];
}

/** What a person can choose, and an organization sets defaults of. */
export interface NotificationChoices {
  /** What each channel delivers. */
  readonly kinds: Readonly<Record<NotificationChannel, readonly InboxKind[]>>;
  readonly quietHours: QuietHours | null;
  /** Mails wait this long for the person to read the entry in the Studio: 0 to 1,440. */
  readonly mailAfterMinutes: number;
}

/** A browser that shows notifications. */
export interface NotificationDevice {
  readonly id: string;
  readonly name: string;
  readonly addedAt: number;
  readonly deliveredAt?: number;
  /** Why the last delivery failed; absent after a success. */
  readonly error?: string;
}

/** The subscription of a browser, as its PushManager has it. */
export interface NewNotificationDevice {
  readonly endpoint: string;
  readonly keys: { readonly p256dh: string; readonly auth: string };
  /** At most 100 characters. */
  readonly name: string;
}

/** A delivery that waits for another attempt, or was given up. */
export interface FailedDelivery {
  readonly id: string;
  readonly channel: NotificationChannel;
  /** Name of the device, for push. */
  readonly device?: string;
  /** What it was about: the title of the task. */
  readonly title: string;
  readonly kind: InboxKind;
  readonly attempts: number;
  /** Of the last attempt. */
  readonly error: string;
  /** Of the next attempt. Absent if it was given up. */
  readonly retryAt?: number;
  readonly failedAt: number;
}

export interface NotificationsView {
  /** What holds: the person's own choices, and the organization's defaults for the rest. */
  readonly choices: NotificationChoices;
  /** Which of them are the person's own. */
  readonly own: readonly (keyof NotificationChoices)[];
  /** Nothing is delivered before; the end of a pause without an end is `Number.MAX_SAFE_INTEGER`. */
  readonly pausedUntil: number | null;
  readonly devices: readonly NotificationDevice[];
  /** The public key with which browsers subscribe, in base64url. */
  readonly pushKey: string;
  readonly mail: {
    /** False where no mail server is set up. */
    readonly isAvailable: boolean;
    readonly address: string | null;
    /** True if the person has no account with an address, and chooses one. */
    readonly isChosen: boolean;
  };
  /** Where the webhook goes; null if there is none. */
  readonly webhook: string | null;
  /** Host of the Slack webhook, whose address is a secret; null if there is none. */
  readonly slack: string | null;
  /** The newest ones that failed, at most 20. */
  readonly failures: readonly FailedDelivery[];
}

export interface NotificationTestResult {
  readonly isDelivered: boolean;
  /** Why not. */
  readonly error?: string;
}

/** Actions of `notifications`, whose key is the id of its person. Errors: group "notification". */
export interface NotificationActions {
  get(): Promise<NotificationsView>;
  /** Sets own choices; those that are left out stay. Throws `notification.invalid_input`. */
  choose(choices: Partial<NotificationChoices>): Promise<void>;
  /** Takes the organization's defaults for all choices. */
  reset(): Promise<void>;
  /** Delivers nothing until then; null ends the pause. Throws `notification.invalid_input`. */
  pause(until: number | null): Promise<void>;
  /** Adds this browser, or renews its subscription. Throws `notification.invalid_input`, `.too_many_devices`. */
  addDevice(device: NewNotificationDevice): Promise<NotificationDevice>;
  /** Idempotent. */
  removeDevice(id: string): Promise<void>;
  /** For a person without an account that has an address. null for none. Throws `notification.invalid_input`. */
  setMailAddress(address: string | null): Promise<void>;
  /**
   * Sets where the webhook goes; null for nowhere. Returns the secret that signs it, which is in this answer only.
   * Throws `notification.invalid_input`, `egress.address_refused`, `.name_not_found`.
   */
  setWebhook(url: string | null): Promise<{ readonly secret: string | null }>;
  /** Throws as `setWebhook`. */
  setSlack(url: string | null): Promise<void>;
  /** Sends a test at once, whatever the quiet hours say. Throws `notification.not_set_up`. */
  test(channel: NotificationChannel, device?: string): Promise<NotificationTestResult>;
  /** Tries a delivery again that was given up, or waits. Unknown ones are ignored. */
  retry(id: string): Promise<void>;
  /** Forgets a delivery that failed. Unknown ones are ignored. */
  dismiss(id: string): Promise<void>;
}

/** Events of `notifications`: read them again. */
export interface NotificationEvents {
  changed: { readonly revision: number };
}

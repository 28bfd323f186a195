import { HoldfastError } from "@holdfast/core";
import { inboxKinds } from "../../contract/inbox.ts";
import type {
  InboxKind,
  NewNotificationDevice,
  NotificationChannel,
  NotificationChoices,
  QuietHours,
} from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import { isTimeZone, readTime } from "./quiet-hours.ts";
import { channels } from "./settings.ts";

export function invalid(message: string): HoldfastError {
  return new HoldfastError("notification", "invalid_input", message, { statusCode: 400 });
}

/** Reads choices strictly: an unknown field is an error. Throws `notification.invalid_input`. */
export function readChoices(given: unknown): Partial<NotificationChoices> {
  const { kinds, quietHours, mailAfterMinutes, ...others } = record(given, "The choices");
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw invalid(`There is no choice "${unknown}"`);
  return {
    ...(kinds === undefined ? {} : { kinds: readKindsOfChannels(kinds) }),
    ...(quietHours === undefined ? {} : { quietHours: readQuietHours(quietHours) }),
    ...(mailAfterMinutes === undefined ? {} : { mailAfterMinutes: readMinutes(mailAfterMinutes) }),
  };
}

function readKindsOfChannels(given: unknown): NotificationChoices["kinds"] {
  const { push, mail, webhook, slack, ...others } = record(given, "`kinds`");
  if (Object.keys(others).length > 0) throw invalid(`\`kinds\` has ${channels.join(", ")} and nothing else`);
  return {
    push: readKinds(push),
    mail: readKinds(mail),
    webhook: readKinds(webhook),
    slack: readKinds(slack),
  };
}

function readKinds(given: unknown): readonly InboxKind[] {
  const isKind = (each: unknown): each is InboxKind => inboxKinds.some((kind) => kind === each);
  if (!Array.isArray(given) || !given.every(isKind))
    throw invalid(`Each list of kinds has some of ${inboxKinds.join(", ")}`);
  return inboxKinds.filter((kind) => given.includes(kind));
}

function readQuietHours(given: unknown): QuietHours | null {
  if (given === null) return null;
  const { from, to, timeZone, breaksThrough } = record(given, "`quietHours`");
  if (readTime(from) === undefined || readTime(to) === undefined)
    throw invalid('Quiet hours begin and end at times like "22:00"');
  if (from === to) throw invalid("Quiet hours must end at another time than they begin. To stop all, pause.");
  if (!isTimeZone(timeZone)) throw invalid('The time zone must be one like "Europe/Berlin"');
  return { from: String(from), to: String(to), timeZone, breaksThrough: readKinds(breaksThrough) };
}

function readMinutes(given: unknown): number {
  if (Number.isSafeInteger(given) && Number(given) >= 0 && Number(given) <= 24 * 60) return Number(given);
  throw invalid("`mailAfterMinutes` must be a number from 0 to 1,440");
}

/** Throws `notification.invalid_input`. */
export function readPause(until: unknown, now: number): number | null {
  if (until === null) return null;
  if (Number.isSafeInteger(until) && Number(until) > now) return Number(until);
  throw invalid("`until` must be a time in the future, in milliseconds since the epoch, or null");
}

/** Throws `notification.invalid_input`. */
export function readDevice(given: unknown): NewNotificationDevice {
  const { endpoint, keys, name } = record(given, "The device");
  const { p256dh, auth } = record(keys, "`keys`");
  const address = readAddress(endpoint);
  if (!hasBytes(p256dh, 65) || !hasBytes(auth, 16))
    throw invalid("`keys` must be those of a push subscription, in base64url");
  if (typeof name !== "string" || name.trim() === "" || name.length > 100)
    throw invalid("`name` must be a text of 1 to 100 characters");
  return { endpoint: address, keys: { p256dh, auth }, name: name.trim() };
}

function hasBytes(given: unknown, bytes: number): given is string {
  if (typeof given !== "string" || !/^[\w-]{1,200}$/.test(given)) return false;
  return Buffer.from(given, "base64url").length === bytes;
}

/** An address in its normal form. Where it may lead is decided by the rules of egress. Throws `notification.invalid_input`. */
export function readAddress(given: unknown): string {
  const isShort = typeof given === "string" && given.length <= studioLimits.maxNotificationAddress;
  if (isShort && URL.canParse(given)) return new URL(given).href;
  throw invalid(`The address must be a URL of at most ${studioLimits.maxNotificationAddress} characters`);
}

/** Throws `notification.invalid_input`. */
export function readMailAddress(given: unknown): string | null {
  if (given === null) return null;
  const isAddress =
    typeof given === "string" && given.length <= 254 && /^[^\s@<>,;"]+@[^\s@<>,;"]+$/.test(given);
  if (isAddress) return given;
  throw invalid("This is no e-mail address");
}

/** Throws `notification.invalid_input`. */
export function readChannel(given: unknown): NotificationChannel {
  const channel = channels.find((each) => each === given);
  if (channel === undefined) throw invalid(`The channel must be one of ${channels.join(", ")}`);
  return channel;
}

/** Throws `notification.invalid_input`. */
export function requireId(given: unknown): asserts given is string {
  if (typeof given !== "string" || given === "" || given.length > 100) throw invalid("`id` must be an id");
}

function record(given: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw invalid(`${what} must be an object`);
  return { ...given };
}

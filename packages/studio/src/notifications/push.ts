/** Web Push (RFC 8030, 8291, 8292) by web-push, which encrypts and signs. The request goes by our own rules of egress. */
import { createHash } from "node:crypto";
import type { NotificationMessage, PushSubscription, SendOutcome } from "../backend/notifications/port.ts";
import { type OutgoingHttp, retryAfterMs } from "./outgoing-http.ts";
import { pushPayload } from "./texts.ts";

/** Key pair of the server (VAPID), in base64url. */
export interface PushKeys {
  readonly publicKey: string;
  readonly privateKey: string;
}

/** Loaded when something is first sent: most servers start without it. */
const load = async () => (await import("web-push")).default;

export async function newPushKeys(): Promise<PushKeys> {
  return (await load()).generateVAPIDKeys();
}

export interface WebPushOptions {
  readonly http: OutgoingHttp;
  /** How push services reach the operator: an https or mailto address. */
  readonly contact: () => string;
  readonly now: () => number;
}

const daySeconds = 24 * 60 * 60;

export class WebPush {
  readonly #options: WebPushOptions;

  constructor(options: WebPushOptions) {
    this.#options = options;
  }

  async send(
    { endpoint, p256dh, auth }: PushSubscription,
    messages: readonly NotificationMessage[],
    keys: PushKeys,
  ): Promise<SendOutcome> {
    const { http, contact, now } = this.#options;
    const payload = pushPayload(messages);
    const isAsking = messages.some(({ kind }) => kind === "asks");
    const expiresAt = Math.min(...messages.map(({ approval }) => approval?.expiresAt ?? Infinity));
    const webPush = await load();
    const { headers, body } = webPush.generateRequestDetails(
      { endpoint, keys: { p256dh, auth } },
      JSON.stringify(payload),
      {
        vapidDetails: { subject: contact(), ...keys },
        contentEncoding: "aes128gcm",
        TTL: Math.max(60, Math.min(daySeconds, Math.ceil((expiresAt - now()) / 1000))),
        urgency: isAsking ? "high" : "normal",
        // The push service keeps only the newest about an entry.
        topic: createHash("sha256").update(payload.tag).digest("base64url").slice(0, 32),
      },
    );
    const answer = await http.post(endpoint, headers as Readonly<Record<string, string>>, body ?? "");
    const { status } = answer;
    if (status >= 200 && status < 300) return { isDelivered: true };
    const { host } = new URL(endpoint);
    if (status === 404 || status === 410)
      return {
        ...{ isDelivered: false, isFinal: true, isGone: true },
        error: "The browser has ended its subscription. Turn notifications on again on that device.",
      };
    const after = retryAfterMs(answer.headers["retry-after"]);
    const isKeyRefused = status === 401 || status === 403;
    return {
      isDelivered: false,
      error: isKeyRefused
        ? `${host} refused the key of this server (${status}). Remove the device, and turn notifications on again on it.`
        : `${host} answered with status ${status}`,
      isFinal: status < 500 && status !== 408 && status !== 429,
      ...(after === undefined ? {} : { retryAfterMs: after }),
    };
  }
}

/** Notifications in this browser: the permission, the service worker and the subscription. */
import type { NewNotificationDevice } from "../../contract.ts";
import { deviceName } from "../shared/browser/device.ts";
import { isInstalled, workerPath } from "../shared/browser/installed.ts";

export type BrowserState =
  /** The browser cannot, or only where the page is encrypted. */
  | "unsupported"
  /** An iPhone or iPad, which can once the Studio is on its home screen. */
  | "needs-install"
  /** The person has blocked them for this site. */
  | "denied"
  | "off"
  | "on";

export interface ThisBrowser {
  readonly state: BrowserState;
  /** Of the subscription, if there is one. */
  readonly endpoint?: string;
}

/** How it stands in this browser; on where its subscription is for the key of this server. */
export async function readThisBrowser(pushKey: string): Promise<ThisBrowser> {
  const isAppleMobile = /iPhone|iPad/.test(navigator.userAgent);
  if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window))
    return { state: isAppleMobile && !isInstalled() ? "needs-install" : "unsupported" };
  if (Notification.permission === "denied") return { state: "denied" };
  const registration = await navigator.serviceWorker.getRegistration("/");
  const subscription = await registration?.pushManager.getSubscription();
  if (subscription == null || keyOf(subscription) !== pushKey) return { state: "off" };
  return { state: "on", endpoint: subscription.endpoint };
}

/** Asks the person, and subscribes. Throws an error whose message says what to do. */
export async function subscribeThisBrowser(pushKey: string): Promise<NewNotificationDevice> {
  if ((await Notification.requestPermission()) !== "granted")
    throw new Error("The browser did not allow notifications. Allow them in the settings of this site.");
  await navigator.serviceWorker.register(workerPath);
  const registration = await navigator.serviceWorker.ready;
  const known = await registration.pushManager.getSubscription();
  // One for another key, of an earlier server at this address, would be refused.
  if (known !== null && keyOf(known) !== pushKey) await known.unsubscribe();
  const subscription = await registration.pushManager
    .subscribe({ userVisibleOnly: true, applicationServerKey: pushKey })
    .catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`The browser's push service did not accept this browser: ${reason}`);
    });
  const { endpoint, keys } = subscription.toJSON();
  return {
    endpoint: endpoint ?? "",
    keys: { p256dh: keys?.["p256dh"] ?? "", auth: keys?.["auth"] ?? "" },
    name: deviceName(navigator.userAgent),
  };
}

export async function unsubscribeThisBrowser(): Promise<void> {
  const registration = await navigator.serviceWorker.getRegistration("/");
  await (await registration?.pushManager.getSubscription())?.unsubscribe();
}

/** The server's key of a subscription, in base64url. */
function keyOf({ options }: PushSubscription): string {
  const bytes = new Uint8Array(options.applicationServerKey ?? new ArrayBuffer(0));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** Push in a browser without a push service and without notifications of a desktop: the rest is the real browser. */
import type { PushService } from "@holdfast/testing/push-service";
import type { Page, Worker } from "playwright-core";

/** The permission is given, and subscriptions are those of the emulator. */
export async function grantPush(page: Page, service: PushService): Promise<void> {
  await page.exposeFunction("subscribeAtService", (publicKey: string) => service.subscribe(publicKey));
  await page.addInitScript(`
    if (typeof Notification === "function" && "serviceWorker" in navigator) {
      Object.defineProperty(Notification, "permission", { get: () => "granted" });
      Notification.requestPermission = async () => "granted";
      let current = null;
      const bytesOf = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
      PushManager.prototype.getSubscription = async () => current;
      PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
        const { endpoint, keys } = await subscribeAtService(applicationServerKey);
        current = {
          endpoint,
          options: { applicationServerKey: bytesOf(applicationServerKey).buffer },
          toJSON: () => ({ endpoint, keys }),
          unsubscribe: async () => { current = null; return true; },
        };
        return current;
      };
    }
  `);
}

export interface ShownNotification {
  readonly title: string;
  readonly body: string;
  readonly actions: readonly string[];
}

/** The service worker of a page. From now on it notes what it shows. */
export async function workerOf(page: Page): Promise<Worker> {
  const context = page.context();
  const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent("serviceworker"));
  await worker.evaluate(`
    self.shown = [];
    const waitUntil = ExtendableEvent.prototype.waitUntil;
    ExtendableEvent.prototype.waitUntil = function (work) {
      self.work = work;
      return waitUntil.call(this, work);
    };
    self.registration.showNotification = async (title, options) => void self.shown.push({ title, ...options });
  `);
  return worker;
}

export function shownBy(worker: Worker): Promise<readonly ShownNotification[]> {
  return worker.evaluate(
    `self.shown.map(({ title, body, actions = [] }) => ({ title, body, actions: actions.map(({ action }) => action) }))`,
  );
}

/** Lets the browser hand a decrypted message to the service worker. Resolves when it is done with it. */
export async function deliverPush(page: Page, origin: string, data: string): Promise<void> {
  const [worker] = page.context().serviceWorkers();
  const handled = worker?.evaluate(`new Promise((resolve) => {
    // The worker's own listener has run before.
    self.addEventListener("push", () => resolve(self.work), { once: true });
  })`);
  const session = await page.context().newCDPSession(page);
  const registrations: { readonly registrationId: string; readonly scopeURL: string }[] = [];
  session.on("ServiceWorker.workerRegistrationUpdated", (event) =>
    registrations.push(...event.registrations),
  );
  await session.send("ServiceWorker.enable");
  while (!registrations.some(({ scopeURL }) => scopeURL.startsWith(origin)))
    await new Promise((resolve) => session.once("ServiceWorker.workerRegistrationUpdated", resolve));
  const registrationId =
    registrations.find(({ scopeURL }) => scopeURL.startsWith(origin))?.registrationId ?? "";
  await session.send("ServiceWorker.deliverPushMessage", { origin, registrationId, data });
  await handled;
  await session.detach();
}

/** Clicks an action of the first notification, as a person does. Resolves when the worker is done with it. */
export async function answerPush(worker: Worker, action: string): Promise<void> {
  await worker.evaluate(`new Promise((resolve, reject) => {
    const [shown] = self.shown;
    const event = new Event("notificationclick");
    // Only the browser's own events have these.
    event.waitUntil = (work) => work.then(resolve, reject);
    event.action = ${JSON.stringify(action)};
    event.notification = { ...shown, close() {} };
    self.dispatchEvent(event);
  })`);
}

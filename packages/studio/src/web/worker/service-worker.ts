/**
 * Service worker of the Studio: shows notifications, answers approvals from them, and has one page for when the server
 * cannot be reached. It stores nothing else, so that each load has the version of the app that the server has.
 */
import type { PushPayload } from "../../notifications/push-payload.ts";

declare const self: ServiceWorkerGlobalScope;

const cacheName = "offline-1";
const offlinePage = "/offline.html";
const offlineFiles = [offlinePage, "/offline.css", "/icon.svg"];

/** What a notification remembers until somebody clicks it. */
type NotificationData = Pick<PushPayload, "path" | "token">;

self.addEventListener("install", (event) => {
  event.waitUntil(storeOfflinePage().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(dropOtherCaches().then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (origin !== self.location.origin || request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(fromServer(request, offlinePage));
  else if (offlineFiles.includes(pathname)) event.respondWith(fromServer(request, pathname));
});

self.addEventListener("push", (event) => {
  const payload = event.data?.json() as PushPayload | undefined;
  if (payload?.version === 1) event.waitUntil(show(payload));
});

self.addEventListener("notificationclick", (event) => {
  const { notification, action } = event;
  const data = notification.data as NotificationData;
  notification.close();
  const isAnswer = data.token !== undefined && (action === "allow" || action === "deny");
  event.waitUntil(isAnswer ? answer(data, action, notification.title) : open(data.path));
});

async function storeOfflinePage(): Promise<void> {
  const cache = await caches.open(cacheName);
  await cache.addAll(offlineFiles.map((path) => new Request(path, { cache: "reload" })));
}

async function dropOtherCaches(): Promise<void> {
  for (const name of await caches.keys()) if (name !== cacheName) await caches.delete(name);
}

async function fromServer(request: Request, fallback: string): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    const stored = await caches.match(fallback);
    if (stored === undefined) throw error;
    return stored;
  }
}

async function show({ title, body, path, tag, token, mayAllow }: PushPayload): Promise<void> {
  const windows = await self.clients.matchAll({ type: "window" });
  // Whoever looks at the Studio sees it there. Browsers allow to show nothing then.
  if (windows.some((each) => each.focused)) return;
  const data: NotificationData = { path, ...(token === undefined ? {} : { token }) };
  const actions =
    token === undefined
      ? []
      : [
          ...(mayAllow === true ? [{ action: "allow", title: "Allow once" }] : []),
          { action: "deny", title: "Deny" },
        ];
  // Of these, the list of actions and `renotify` are newer than the types.
  const options = { body, tag, data, actions, renotify: true, icon: "/icon-192.png", badge: "/badge-96.png" };
  await self.registration.showNotification(title, options);
}

/** Answers an approval. The result is a notification too, since no page may be open. */
async function answer(
  { path, token }: NotificationData,
  action: "allow" | "deny",
  title: string,
): Promise<void> {
  const problem = await sendAnswer(token ?? "", action);
  const said = action === "allow" ? "Allowed once." : "Denied.";
  await self.registration.showNotification(title, {
    body: problem === undefined ? said : `Not answered. ${problem}`,
    tag: "answer",
    data: { path } satisfies NotificationData,
    icon: "/icon-192.png",
    badge: "/badge-96.png",
    silent: problem === undefined,
  });
}

/** Returns why the answer had no effect. */
async function sendAnswer(token: string, action: "allow" | "deny"): Promise<string | undefined> {
  try {
    const response = await fetch("/notifications/answer", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token, answer: action }),
    });
    if (response.ok) return undefined;
    const { detail, message } = (await response.json()) as { detail?: string; message?: string };
    return detail ?? message ?? "Open the task to answer.";
  } catch {
    return "The server cannot be reached. Open the task to answer.";
  }
}

/** Shows a page of the Studio, in a window that is open if there is one. */
async function open(path: string): Promise<void> {
  const [first] = await self.clients.matchAll({ type: "window" });
  if (first === undefined) {
    await self.clients.openWindow(path);
    return;
  }
  await first.focus();
  await first.navigate(path);
}

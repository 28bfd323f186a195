/** This browser: its name in words, and the Studio as an app that is installed in it. */

export const workerPath = "/service-worker.js";

/** True in a window of its own, as an installed app has it. */
export function isInstalled(): boolean {
  return matchMedia("(display-mode: standalone)").matches;
}

/** The browser's offer to install the app, of which the types of browsers know nothing. */
interface InstallOffer extends Event {
  prompt(): Promise<unknown>;
}

let offer: InstallOffer | undefined;
const listeners = new Set<() => void>();

/** Keeps the browser from offering by itself: the person finds the offer in the settings. Called once. */
export function watchInstallOffer(): void {
  const set = (next: InstallOffer | undefined) => {
    offer = next;
    for (const listener of listeners) listener();
  };
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    set(event as InstallOffer);
  });
  addEventListener("appinstalled", () => set(undefined));
  // A tab needs no worker: it shows the browser's own page where the server is away.
  if (isInstalled() && "serviceWorker" in navigator)
    navigator.serviceWorker.register(workerPath).catch(() => undefined);
}

export const installOffer = {
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  },
  get: (): InstallOffer | undefined => offer,
};

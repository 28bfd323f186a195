import { notifyManager } from "@tanstack/react-query";

/**
 * Makes TanStack Query notify components synchronously. By default it uses a timer, and the second click of a double
 * click arrives before that: it would find the button still enabled and submit twice. Call this once, before the app
 * renders.
 */
export function flushQueryUpdates(): void {
  notifyManager.setScheduler(queueMicrotask);
}

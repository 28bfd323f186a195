import { notifyManager } from "@tanstack/react-query";

/**
 * Draws what a press has begun before the next press arrives. TanStack Query tells components in a timer,
 * and the second click of a double click comes before that: it would find the button enabled, and do
 * everything twice. To be called once, before the app is drawn.
 */
export function flushQueryUpdates(): void {
  notifyManager.setScheduler(queueMicrotask);
}

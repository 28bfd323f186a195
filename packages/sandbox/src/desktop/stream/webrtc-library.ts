import type * as Werift from "werift";

export type WebRtcLibrary = typeof Werift;

let loading: Promise<WebRtcLibrary | undefined> | undefined;

/** Loads the package `werift`; undefined if it is not installed. */
export function loadWebRtc(): Promise<WebRtcLibrary | undefined> {
  loading ??= import("werift").catch(() => undefined);
  return loading;
}

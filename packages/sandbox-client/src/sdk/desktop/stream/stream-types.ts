import type { PagePeerConnection } from "./media-types.ts";

export interface DesktopStreamReadyStatus {
  type: "ready";
  width: number;
  height: number;
}

export interface DesktopStreamErrorStatus {
  type: "error";
  message: string;
}

export type DesktopStreamStatusMessage = DesktopStreamReadyStatus | DesktopStreamErrorStatus;

export interface DesktopStreamUrlOptions {
  /** The client's own token by default. */
  accessToken?: string;
  /** Whether the server ignores the input of this viewer. */
  viewOnly?: boolean;
}

/** Options of a session, beside those of its WebSocket. */
export interface DesktopStreamSessionOptions {
  /** That of the page by default. */
  RTCPeerConnection?: PagePeerConnection;
  /** Configuration of WebRTC. `iceServers` is empty by default. */
  rtcConfig?: object;
  /**
   * How the picture comes: `webrtc`; `frames`, JPEG through the WebSocket; or, by default, `auto`: WebRTC, and frames
   * if it does not connect.
   */
  transport?: "auto" | "webrtc" | "frames";
  /** How long WebRTC may take to connect before frames are used instead; 5,000 by default. */
  webRtcTimeoutMs?: number;
}

export interface DesktopStreamConnectOptions extends DesktopStreamUrlOptions, DesktopStreamSessionOptions {
  WebSocket?: typeof WebSocket;
  protocols?: string | string[];
}

export interface DesktopStreamStatusResponse {
  active: boolean;
  processId?: string | null;
  windowId?: string | null;
}

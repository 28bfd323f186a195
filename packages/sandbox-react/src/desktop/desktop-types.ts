export interface DesktopStreamReadyStatus {
  type: "ready";
  width: number;
  height: number;
}

/** Why the server has refused or disconnected a viewer. */
export interface DesktopStreamErrorStatus {
  type: "error";
  message: string;
}

/** A connected viewer; the `DesktopStreamSession` of either client library is one. */
export interface DesktopStreamLink {
  onReady(listener: (status: DesktopStreamReadyStatus) => void): () => void;
  onTrack(listener: (stream: MediaStream) => void): () => void;
  onDisconnect(listener: () => void): () => void;
  onError(listener: (error: DesktopStreamErrorStatus | Error) => void): () => void;
  moveMouse(x: number, y: number): void;
  mouseDown(button?: DesktopButton): void;
  mouseUp(button?: DesktopButton): void;
  scroll(x: number, y: number, deltaX?: number, deltaY?: number): void;
  keyDown(key: string): void;
  keyUp(key: string): void;
  close(): void;
}

export type DesktopButton = "left" | "middle" | "right";

/** How the picture comes. Of clients of Holdfast; others ignore it. */
export type DesktopTransport = "auto" | "webrtc" | "frames";

/** A client that connects to the stream of a desktop: a `SandboxAgent` of either client library. */
export interface DesktopViewerClient {
  connectDesktopStream(options?: {
    accessToken?: string;
    viewOnly?: boolean;
    transport?: DesktopTransport;
  }): DesktopStreamLink;
}

/** Bodies and answers of the desktop routes, as they are on the wire. */

export type DesktopState = "inactive" | "install_required" | "starting" | "active" | "stopping" | "failed";

export interface DesktopResolution {
  readonly width: number;
  readonly height: number;
  readonly dpi: number;
}

export interface DesktopErrorInfo {
  readonly code: string;
  readonly message: string;
}

export interface DesktopProcessInfo {
  readonly name: string;
  readonly pid?: number;
  readonly running: boolean;
  /** Its output is at `/v1/processes/{processId}/logs`. Not in the peer's API. */
  readonly processId: string;
}

export interface DesktopWindowInfo {
  readonly id: string;
  readonly title: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly isActive: boolean;
}

export interface DesktopStatus {
  readonly state: DesktopState;
  readonly display?: string;
  /** Path of the file with the display's secret, as XAUTHORITY names it. Not in the peer's API. */
  readonly authority?: string;
  readonly resolution?: DesktopResolution;
  readonly startedAt?: string;
  readonly lastError?: DesktopErrorInfo;
  readonly missingDependencies: readonly string[];
  readonly installCommand?: string;
  readonly processes: readonly DesktopProcessInfo[];
  readonly windows?: readonly DesktopWindowInfo[];
}

export interface MousePosition {
  readonly x: number;
  readonly y: number;
  readonly screen: number;
  readonly window?: string;
}

export type ImageFormat = "png" | "jpeg" | "webp";

/** A part of the screen, in pixels. */
export interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface ScreenshotOptions {
  readonly format: ImageFormat;
  /** 1 to 100, for JPEG and WebP. */
  readonly quality: number;
  /** 0.1 to 1. */
  readonly scale: number;
  readonly showCursor: boolean;
}

export type MouseButton = "left" | "middle" | "right";

export interface KeyModifiers {
  readonly ctrl: boolean;
  readonly shift: boolean;
  readonly alt: boolean;
  readonly cmd: boolean;
}

export type Selection = "clipboard" | "primary";

export interface StartOptions {
  readonly width: number;
  readonly height: number;
  readonly dpi: number;
  readonly displayNumber?: number;
  readonly stateDirectory?: string;
  readonly recordingFps: number;
  readonly stream: StreamSettings;
}

export type VideoCodec = "vp8" | "vp9" | "h264";

/** How the stream is made, of the options of the start. */
export interface StreamSettings {
  readonly codec: VideoCodec;
  readonly frameRate: number;
  /** UDP ports for the connections to viewers; any by default. */
  readonly portRange: readonly [number, number] | undefined;
}

export interface StreamStatus {
  readonly active: boolean;
  /** Of the ffmpeg that encodes. */
  readonly processId?: string;
}

export interface RecordingInfo {
  readonly id: string;
  readonly status: "recording" | "completed" | "failed";
  readonly processId?: string;
  readonly fileName: string;
  readonly bytes: number;
  readonly startedAt: string;
  readonly endedAt?: string;
}

/** Bodies, answers and queries of the desktop routes, as they are on the wire. */

export interface DesktopResolution {
  width: number;
  height: number;
  dpi?: number | null;
}

export interface DesktopErrorInfo {
  code: string;
  message: string;
}

export interface DesktopProcessInfo {
  name: string;
  running: boolean;
  pid?: number | null;
  logPath?: string | null;
  /** Its output is that of this process. */
  processId?: string;
}

export interface DesktopWindowInfo {
  id: string;
  title: string;
  x: number;
  y: number;
  width: number;
  height: number;
  isActive: boolean;
}

export type DesktopState = "inactive" | "install_required" | "starting" | "active" | "stopping" | "failed";

export interface DesktopStatusResponse {
  state: DesktopState;
  display?: string | null;
  /** Value of XAUTHORITY for programs of the display. */
  authority?: string;
  resolution?: DesktopResolution | null;
  startedAt?: string | null;
  lastError?: DesktopErrorInfo | null;
  missingDependencies?: string[];
  installCommand?: string | null;
  processes?: DesktopProcessInfo[];
  runtimeLogPath?: string | null;
  windows?: DesktopWindowInfo[];
}

export interface DesktopStartRequest {
  width?: number | null;
  height?: number | null;
  dpi?: number | null;
  displayNum?: number | null;
  stateDir?: string | null;
  recordingFps?: number | null;
  streamVideoCodec?: string | null;
  streamAudioCodec?: string | null;
  streamFrameRate?: number | null;
  webrtcPortRange?: string | null;
}

export interface DesktopDisplayInfoResponse {
  display: string;
  resolution: DesktopResolution;
}

export type DesktopScreenshotFormat = "png" | "jpeg" | "webp";

export interface DesktopScreenshotQuery {
  format?: DesktopScreenshotFormat | null;
  /** 1 to 100, for JPEG and WebP. */
  quality?: number | null;
  /** 0.1 to 1. */
  scale?: number | null;
  showCursor?: boolean | null;
}

export interface DesktopRegionScreenshotQuery extends DesktopScreenshotQuery {
  x: number;
  y: number;
  width: number;
  height: number;
}

export type DesktopMouseButton = "left" | "middle" | "right";

export interface DesktopMousePositionResponse {
  x: number;
  y: number;
  screen?: number | null;
  /** The window below the pointer. */
  window?: string | null;
}

export interface DesktopMouseMoveRequest {
  x: number;
  y: number;
}

export interface DesktopMouseClickRequest extends DesktopMouseMoveRequest {
  button?: DesktopMouseButton | null;
  clickCount?: number | null;
}

export interface DesktopMouseDownRequest {
  button?: DesktopMouseButton | null;
  x?: number | null;
  y?: number | null;
}

export type DesktopMouseUpRequest = DesktopMouseDownRequest;

export interface DesktopMouseDragRequest {
  startX: number;
  startY: number;
  endX: number;
  endY: number;
  button?: DesktopMouseButton | null;
}

/** Clicks of the wheel: positive is right and down. */
export interface DesktopMouseScrollRequest extends DesktopMouseMoveRequest {
  deltaX?: number | null;
  deltaY?: number | null;
}

export interface DesktopKeyboardTypeRequest {
  text: string;
  /** Pause after each character. */
  delayMs?: number | null;
}

export interface DesktopKeyModifiers {
  ctrl?: boolean | null;
  shift?: boolean | null;
  alt?: boolean | null;
  cmd?: boolean | null;
}

export interface DesktopKeyboardPressRequest {
  /** A character, a key such as `Return`, or a shortcut such as `ctrl+l`. */
  key: string;
  modifiers?: DesktopKeyModifiers | null;
}

export interface DesktopKeyboardDownRequest {
  key: string;
}

export type DesktopKeyboardUpRequest = DesktopKeyboardDownRequest;

export interface DesktopActionResponse {
  ok: boolean;
}

export interface DesktopWindowListResponse {
  windows: DesktopWindowInfo[];
}

export interface DesktopWindowCloseResponse {
  /** False if the window stays, as that of a program which asks a question first. */
  closed: boolean;
}

export interface DesktopWindowMoveRequest {
  x: number;
  y: number;
}

export interface DesktopWindowResizeRequest {
  width: number;
  height: number;
}

/** An installed application, and what to launch for it. */
export interface DesktopApp {
  name: string;
  app: string;
  args: string[];
}

export interface DesktopAppListResponse {
  apps: DesktopApp[];
}

export interface DesktopLaunchRequest {
  app: string;
  args?: string[] | null;
  /** Waits for the window of the program. */
  wait?: boolean | null;
}

export interface DesktopLaunchResponse {
  processId: string;
  pid?: number | null;
  windowId?: string | null;
}

export interface DesktopOpenRequest {
  target: string;
}

export interface DesktopOpenResponse {
  processId: string;
  pid?: number | null;
}

export interface DesktopClipboardQuery {
  selection?: string | null;
}

export interface DesktopClipboardResponse {
  selection: string;
  text: string;
}

export interface DesktopClipboardWriteRequest {
  text: string;
  /** `clipboard` (default), `primary` or `both`. */
  selection?: string | null;
}

export interface DesktopRecordingStartRequest {
  fps?: number | null;
}

export type DesktopRecordingStatus = "recording" | "completed" | "failed";

export interface DesktopRecordingInfo {
  id: string;
  status: DesktopRecordingStatus;
  fileName: string;
  bytes: number;
  startedAt: string;
  endedAt?: string | null;
  processId?: string | null;
}

export interface DesktopRecordingListResponse {
  recordings: DesktopRecordingInfo[];
}

export interface DesktopTreeQuery {
  /** 1 to 10,000; 2,000 by default. */
  maxNodes?: number;
  /** Also elements that are not on the screen. */
  showHidden?: boolean;
}

export interface DesktopBounds {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** An element on the screen, as its program describes it. */
export interface DesktopFoundNode {
  id: string;
  /** Such as "push button". */
  role: string;
  name: string;
  states: string[];
  bounds?: DesktopBounds;
  /** The text of an element that people edit, except of passwords. */
  value?: string;
}

export interface DesktopNode extends DesktopFoundNode {
  /** True for a program that did not answer in time. */
  unresponsive?: boolean;
  children: DesktopNode[];
}

export interface DesktopTreeResponse {
  nodes: DesktopNode[];
  truncated: boolean;
}

export interface DesktopNodeClickRequest {
  id?: string | null;
  name?: string | null;
  /** With a name, the role of the element. */
  role?: string | null;
  button?: DesktopMouseButton | null;
  clickCount?: number | null;
  /** How long to wait until the element is on the screen, at most 30,000; 0 by default. */
  timeoutMs?: number | null;
}

export interface DesktopNodeClickResponse {
  node: DesktopFoundNode;
  position: DesktopMousePositionResponse;
}

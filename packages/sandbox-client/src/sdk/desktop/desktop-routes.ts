import { readBytes } from "../../internal/http.ts";
import { clientLimits } from "../../limits.ts";
import { part } from "../route-caller.ts";
import { SandboxRoutes } from "../routes.ts";
import type * as wire from "./desktop-wire.ts";
import { DesktopStreamSession } from "./stream/desktop-stream.ts";
import type {
  DesktopStreamConnectOptions,
  DesktopStreamStatusResponse,
  DesktopStreamUrlOptions,
} from "./stream/stream-types.ts";

/** The routes of the desktop: one method each. */
export abstract class DesktopRoutes extends SandboxRoutes {
  async startDesktop(request: wire.DesktopStartRequest = {}): Promise<wire.DesktopStatusResponse> {
    return await this.#post("start", request);
  }

  async stopDesktop(): Promise<wire.DesktopStatusResponse> {
    return await this.json("POST", "/v1/desktop/stop");
  }

  async getDesktopStatus(): Promise<wire.DesktopStatusResponse> {
    return await this.#get("status");
  }

  async getDesktopDisplayInfo(): Promise<wire.DesktopDisplayInfoResponse> {
    return await this.#get("display/info");
  }

  async takeDesktopScreenshot(query: wire.DesktopScreenshotQuery = {}): Promise<Uint8Array> {
    return await this.#bytes("screenshot", { ...query });
  }

  async takeDesktopRegionScreenshot(query: wire.DesktopRegionScreenshotQuery): Promise<Uint8Array> {
    return await this.#bytes("screenshot/region", { ...query });
  }

  async getDesktopMousePosition(): Promise<wire.DesktopMousePositionResponse> {
    return await this.#get("mouse/position");
  }

  async moveDesktopMouse(request: wire.DesktopMouseMoveRequest): Promise<wire.DesktopMousePositionResponse> {
    return await this.#post("mouse/move", request);
  }

  async clickDesktop(request: wire.DesktopMouseClickRequest): Promise<wire.DesktopMousePositionResponse> {
    return await this.#post("mouse/click", request);
  }

  async mouseDownDesktop(request: wire.DesktopMouseDownRequest): Promise<wire.DesktopMousePositionResponse> {
    return await this.#post("mouse/down", request);
  }

  async mouseUpDesktop(request: wire.DesktopMouseUpRequest): Promise<wire.DesktopMousePositionResponse> {
    return await this.#post("mouse/up", request);
  }

  async dragDesktopMouse(request: wire.DesktopMouseDragRequest): Promise<wire.DesktopMousePositionResponse> {
    return await this.#post("mouse/drag", request);
  }

  async scrollDesktop(request: wire.DesktopMouseScrollRequest): Promise<wire.DesktopMousePositionResponse> {
    return await this.#post("mouse/scroll", request);
  }

  async typeDesktopText(request: wire.DesktopKeyboardTypeRequest): Promise<wire.DesktopActionResponse> {
    return await this.#post("keyboard/type", request);
  }

  async pressDesktopKey(request: wire.DesktopKeyboardPressRequest): Promise<wire.DesktopActionResponse> {
    return await this.#post("keyboard/press", request);
  }

  async keyDownDesktop(request: wire.DesktopKeyboardDownRequest): Promise<wire.DesktopActionResponse> {
    return await this.#post("keyboard/down", request);
  }

  async keyUpDesktop(request: wire.DesktopKeyboardUpRequest): Promise<wire.DesktopActionResponse> {
    return await this.#post("keyboard/up", request);
  }

  async listDesktopWindows(): Promise<wire.DesktopWindowListResponse> {
    return await this.#get("windows");
  }

  async getDesktopFocusedWindow(): Promise<wire.DesktopWindowInfo> {
    return await this.#get("windows/focused");
  }

  async focusDesktopWindow(windowId: string): Promise<wire.DesktopWindowInfo> {
    return await this.json("POST", `/v1/desktop/windows/${part(windowId)}/focus`);
  }

  /** Asks the program of a window to close it. */
  async closeDesktopWindow(windowId: string): Promise<wire.DesktopWindowCloseResponse> {
    return await this.json("POST", `/v1/desktop/windows/${part(windowId)}/close`);
  }

  async moveDesktopWindow(
    windowId: string,
    request: wire.DesktopWindowMoveRequest,
  ): Promise<wire.DesktopWindowInfo> {
    return await this.#post(`windows/${part(windowId)}/move`, request);
  }

  async resizeDesktopWindow(
    windowId: string,
    request: wire.DesktopWindowResizeRequest,
  ): Promise<wire.DesktopWindowInfo> {
    return await this.#post(`windows/${part(windowId)}/resize`, request);
  }

  /** The elements on the screen as their programs describe them. */
  async getDesktopTree(query: wire.DesktopTreeQuery = {}): Promise<wire.DesktopTreeResponse> {
    return await this.json("GET", "/v1/desktop/tree", { query: { ...query } });
  }

  /** Clicks an element of the tree, by its `id` or its `name`. */
  async clickDesktopNode(request: wire.DesktopNodeClickRequest): Promise<wire.DesktopNodeClickResponse> {
    return await this.#post("tree/click", request);
  }

  async getDesktopClipboard(query: wire.DesktopClipboardQuery = {}): Promise<wire.DesktopClipboardResponse> {
    return await this.json("GET", "/v1/desktop/clipboard", { query: { ...query } });
  }

  async setDesktopClipboard(request: wire.DesktopClipboardWriteRequest): Promise<wire.DesktopActionResponse> {
    return await this.#post("clipboard", request);
  }

  /** The installed applications with windows, by name. */
  async listDesktopApps(): Promise<wire.DesktopAppListResponse> {
    return await this.#get("apps");
  }

  async launchDesktopApp(request: wire.DesktopLaunchRequest): Promise<wire.DesktopLaunchResponse> {
    return await this.#post("launch", request);
  }

  async openDesktopTarget(request: wire.DesktopOpenRequest): Promise<wire.DesktopOpenResponse> {
    return await this.#post("open", request);
  }

  async startDesktopRecording(
    request: wire.DesktopRecordingStartRequest = {},
  ): Promise<wire.DesktopRecordingInfo> {
    return await this.#post("recording/start", request);
  }

  async stopDesktopRecording(): Promise<wire.DesktopRecordingInfo> {
    return await this.json("POST", "/v1/desktop/recording/stop");
  }

  async listDesktopRecordings(): Promise<wire.DesktopRecordingListResponse> {
    return await this.#get("recordings");
  }

  async getDesktopRecording(id: string): Promise<wire.DesktopRecordingInfo> {
    return await this.#get(`recordings/${part(id)}`);
  }

  /** The whole video, at most 64 MiB. */
  async downloadDesktopRecording(id: string): Promise<Uint8Array> {
    return await this.#bytes(`recordings/${part(id)}/download`, {});
  }

  /** The answer with a video of any size, whose body has not been read. */
  async fetchDesktopRecording(id: string): Promise<Response> {
    return await this.send("GET", `/v1/desktop/recordings/${part(id)}/download`);
  }

  async deleteDesktopRecording(id: string): Promise<void> {
    await this.none("DELETE", `/v1/desktop/recordings/${part(id)}`);
  }

  async startDesktopStream(): Promise<DesktopStreamStatusResponse> {
    return await this.json("POST", "/v1/desktop/stream/start");
  }

  async stopDesktopStream(): Promise<DesktopStreamStatusResponse> {
    return await this.json("POST", "/v1/desktop/stream/stop");
  }

  async getDesktopStreamStatus(): Promise<DesktopStreamStatusResponse> {
    return await this.#get("stream/status");
  }

  buildDesktopStreamWebSocketUrl({ accessToken, viewOnly }: DesktopStreamUrlOptions = {}): string {
    const url = this.webSocketUrl("/v1/desktop/stream/signaling", accessToken);
    if (viewOnly !== undefined) url.searchParams.set("viewOnly", String(viewOnly));
    return url.toString();
  }

  connectDesktopStreamWebSocket(options: DesktopStreamConnectOptions = {}): WebSocket {
    const Socket = options.WebSocket ?? globalThis.WebSocket;
    return new Socket(this.buildDesktopStreamWebSocketUrl(options), options.protocols);
  }

  /** Connects to the stream, which this starts if it does not run. */
  connectDesktopStream(options: DesktopStreamConnectOptions = {}): DesktopStreamSession {
    return new DesktopStreamSession(this.connectDesktopStreamWebSocket(options), options);
  }

  /** The URL of a WebSocket of the server, with the token in its query: a browser's WebSocket has no headers. */
  protected abstract webSocketUrl(path: string, accessToken: string | undefined): URL;

  async #get<T>(path: string): Promise<T> {
    return await this.json("GET", `/v1/desktop/${path}`);
  }

  async #post<T>(path: string, body: object): Promise<T> {
    return await this.json("POST", `/v1/desktop/${path}`, { body });
  }

  async #bytes(
    path: string,
    query: Readonly<Record<string, string | number | boolean | null>>,
  ): Promise<Uint8Array> {
    const response = await this.send("GET", `/v1/desktop/${path}`, { query });
    return await readBytes(response, clientLimits.maxReadBytes);
  }
}

/** As much of WebRTC, canvas and media streams (W3C) as is used: the compiler here has no DOM. */

export interface PeerConnection {
  readonly connectionState: string;
  readonly iceConnectionState: string;
  ontrack: ((event: { readonly streams: readonly object[]; readonly track: object }) => void) | null;
  onicecandidate: ((event: { readonly candidate: { toJSON(): object } | null }) => void) | null;
  onconnectionstatechange: (() => void) | null;
  ondatachannel: ((event: { readonly channel: DataChannel }) => void) | null;
  setRemoteDescription(description: { readonly type: "offer"; readonly sdp: string }): Promise<void>;
  createAnswer(): Promise<{ readonly sdp?: string }>;
  setLocalDescription(description: object): Promise<void>;
  addIceCandidate(candidate: object): Promise<void>;
  close(): void;
}

export interface DataChannel {
  readonly readyState: string;
  send(data: ArrayBuffer): void;
}

export type PeerConnectionConstructor = new (configuration?: object) => PeerConnection;

interface Bitmap {
  readonly width: number;
  readonly height: number;
  close(): void;
}

export interface Canvas {
  width: number;
  height: number;
  getContext(kind: "2d"): { drawImage(image: Bitmap, x: number, y: number): void } | null;
  captureStream(): object & { getTracks(): readonly { stop(): void }[] };
}

interface PageGlobals {
  readonly RTCPeerConnection?: PeerConnectionConstructor;
  readonly MediaStream?: new (tracks: readonly object[]) => object;
  readonly document?: { createElement(name: "canvas"): Canvas };
  readonly createImageBitmap?: (image: Blob) => Promise<Bitmap>;
}

/** What the page has; a program of Node has none of it. */
export const page: PageGlobals = globalThis as unknown as PageGlobals;

/** `MediaStream` of the browser, for programs that are compiled with its types. */
export type PageMediaStream = typeof globalThis extends { MediaStream: { prototype: infer Stream } }
  ? Stream
  : object;

/** `RTCPeerConnection` of the browser, likewise. */
export type PagePeerConnection = typeof globalThis extends { RTCPeerConnection: infer Constructor }
  ? Constructor
  : PeerConnectionConstructor;

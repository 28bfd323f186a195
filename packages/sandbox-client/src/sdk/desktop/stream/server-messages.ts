import { isRecord } from "../../../internal/http.ts";

/** A message of the server that a viewer handles. */
export type ServerMessage =
  | {
      readonly event: "system/init";
      readonly width: number;
      readonly height: number;
      /** Undefined on servers that have WebRTC only. */
      readonly transports: readonly unknown[] | undefined;
      readonly viewOnly: boolean;
    }
  | { readonly event: "offer"; readonly sdp: string; readonly iceServers: readonly unknown[] }
  | { readonly event: "candidate"; readonly candidate: object }
  | { readonly event: "close" }
  | { readonly event: "disconnect"; readonly message: string };

/** Undefined for others, and for what is no message. */
export function parseServerMessage(text: string): ServerMessage | undefined {
  const message = parseRecord(text);
  const payload = [message.payload, message.data].find(isRecord) ?? {};
  switch (message.event) {
    case "system/init": {
      const size = isRecord(payload.screen_size) ? payload.screen_size : {};
      return {
        event: "system/init",
        width: Number(size.width) || 0,
        height: Number(size.height) || 0,
        transports: Array.isArray(payload.transports) ? payload.transports : undefined,
        viewOnly: payload.viewOnly === true,
      };
    }
    case "signal/provide":
    case "signal/offer":
    case "signal/restart": {
      const servers = payload.iceservers ?? payload.ice;
      if (typeof payload.sdp !== "string") return undefined;
      return { event: "offer", sdp: payload.sdp, iceServers: Array.isArray(servers) ? servers : [] };
    }
    case "signal/candidate":
      return { event: "candidate", candidate: payload };
    case "signal/close":
      return { event: "close" };
    case "system/disconnect": {
      const text = typeof payload.message === "string" ? payload.message : "The server disconnected";
      return { event: "disconnect", message: text };
    }
    default:
      return undefined;
  }
}

function parseRecord(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}

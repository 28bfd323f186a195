/** Messages on the WebSocket of the stream: those of the peer, and ours for pictures through the WebSocket itself. */

import { invalid, isRecord } from "../../http/problem.ts";
import type { Candidate } from "./webrtc-peer.ts";

/** How a viewer can get the picture: WebRTC, or JPEG frames through the WebSocket. */
export type Transport = "webrtc" | "frames";

/** What clients send. Others are ignored, as clients of this protocol send more than a desktop needs. */
export type ClientMessage =
  | { readonly event: "signal/request" }
  | { readonly event: "signal/answer"; readonly sdp: string }
  | { readonly event: "signal/candidate"; readonly candidate: Candidate }
  | { readonly event: "frames/request" }
  | { readonly event: "frames/ack" }
  | { readonly event: "ignored" };

export type ServerMessage =
  | {
      readonly event: "system/init";
      readonly payload: {
        readonly screen_size: { readonly width: number; readonly height: number; readonly rate: number };
        readonly transports: readonly Transport[];
        readonly viewOnly: boolean;
      };
    }
  | { readonly event: "signal/provide"; readonly payload: { readonly sdp: string; readonly iceservers: [] } }
  | { readonly event: "system/disconnect"; readonly payload: { readonly message: string } };

/** Parses one text message. Throws `invalid_request`. */
export function parseMessage(text: string): ClientMessage {
  const message = parseObject(text);
  const { event } = message;
  const payload = isRecord(message.payload) ? message.payload : {};
  if (typeof event !== "string") throw invalid("a message must have an event");
  switch (event) {
    case "signal/request":
    case "frames/request":
    case "frames/ack":
      return { event };
    case "signal/answer":
      return { event, sdp: answerOf(payload.sdp) };
    case "signal/candidate":
      return parseCandidate(payload);
    default:
      return { event: "ignored" };
  }
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid("a message is not JSON");
  }
  if (!isRecord(value)) throw invalid("a message must be a JSON object");
  return value;
}

/** Port 0 rejects the video (RFC 8829, 5.3.1). */
function answerOf(sdp: unknown): string {
  if (typeof sdp !== "string") throw invalid("signal/answer has no sdp");
  const port = /^m=video (\d+) /m.exec(sdp)?.[1];
  if (port === undefined) throw invalid("the answer is no session description with video");
  if (port === "0") {
    throw invalid("this viewer does not decode the video: start the desktop with another streamVideoCodec");
  }
  return sdp;
}

function parseCandidate(payload: Record<string, unknown>): ClientMessage {
  const { candidate, sdpMid, sdpMLineIndex } = payload;
  if (typeof candidate !== "string") throw invalid("signal/candidate has no candidate");
  return {
    event: "signal/candidate",
    candidate: {
      candidate,
      ...(typeof sdpMid === "string" ? { sdpMid } : {}),
      ...(typeof sdpMLineIndex === "number" ? { sdpMLineIndex } : {}),
    },
  };
}

/** The codecs of the stream in Chromium. VP8, the default, is what the tests of the viewers see. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launchChromium, missingChromium, webRtcOnLoopback } from "@holdfast/testing/chromium";
import type { Browser } from "playwright-core";
import { startSandbox } from "../harness.ts";
import { DesktopApi } from "./desktop-api.ts";

/**
 * A viewer in a page: resolves with the codec and the size of the video, and whether it takes the wish to show frames at
 * once, when a place in the terminal is white and the corner of the screen is dark.
 */
const view = `(url) => new Promise((resolve, reject) => {
  const socket = new WebSocket(url);
  const connection = new RTCPeerConnection();
  const video = document.createElement("video");
  video.muted = true;
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const brightness = (x, y) => {
    canvas.drawImage(video, x, y, 1, 1, 0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data[1];
  };
  let showsAtOnce = false;
  const look = async () => {
    if (brightness(5, 5) > 60 || brightness(300, 300) < 200) {
      video.requestVideoFrameCallback(look);
      return;
    }
    const stats = [...(await connection.getStats()).values()];
    const { codecId } = stats.find(({ type }) => type === "inbound-rtp");
    const { mimeType } = stats.find(({ id }) => id === codecId);
    socket.close();
    connection.close();
    resolve([mimeType, video.videoWidth, video.videoHeight, showsAtOnce]);
  };
  connection.ontrack = ({ track }) => {
    video.srcObject = new MediaStream([track]);
    video.requestVideoFrameCallback(look);
    void video.play();
  };
  socket.onopen = () => socket.send(JSON.stringify({ event: "signal/request", payload: {} }));
  socket.onmessage = async ({ data }) => {
    const { event, payload } = JSON.parse(data);
    if (event === "system/disconnect") reject(new Error(payload.message));
    if (event !== "signal/provide") return;
    await connection.setRemoteDescription({ type: "offer", sdp: payload.sdp });
    await connection.setLocalDescription(await connection.createAnswer());
    const { sdp } = connection.localDescription;
    showsAtOnce = sdp.includes("playout-delay");
    socket.send(JSON.stringify({ event: "signal/answer", payload: { sdp } }));
  };
})`;

describe("the stream in Chromium", { skip: missingChromium, timeout: 120_000 }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launchChromium(webRtcOnLoopback);
  });
  after(() => browser?.close());

  test("is decoded as VP9 and as H.264, where the desktop is started with them", async (t) => {
    const api = new DesktopApi(await startSandbox(t, "tcp", { unsafeNoToken: true }));
    const { url } = api.sandbox;
    const page = await browser.newPage();
    // A page of the server's own origin.
    await page.goto(`${url}/v1/health`);
    for (const [streamVideoCodec, mimeType] of [
      ["vp9", "video/VP9"],
      ["h264", "video/H264"],
    ] as const) {
      await api.post("start", { width: 640, height: 480, streamVideoCodec });
      await api.terminal("exec cat");
      const socket = JSON.stringify(`${url.replace("http", "ws")}/v1/desktop/stream/signaling`);
      assert.deepEqual(await page.evaluate(`(${view})(${socket})`), [mimeType, 640, 480, true]);
      await api.post("stop");
    }
  });
});

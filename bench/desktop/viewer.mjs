/** Program of a page that looks at a desktop: notes when each number of the counter is shown, and moves the pointer. */
import { SandboxAgent } from "@holdfast/sandbox-client";
import { counter } from "./counter.ts";

/** Resolves when a picture is shown. */
globalThis.look = async ({ baseUrl, token, transport }) => {
  const client = await SandboxAgent.connect({ baseUrl, token, skipHealthCheck: true });
  const session = client.connectDesktopStream({ transport });
  const stream = await new Promise((resolve, reject) => {
    session.onTrack(resolve);
    session.onError(({ message }) => reject(new Error(message)));
  });
  const video = document.createElement("video");
  video.muted = true;
  video.srcObject = stream;
  document.body.replaceChildren(video);
  const canvas = new OffscreenCanvas(counter.bits, 1).getContext("2d", { willReadFrequently: true });
  const shown = [];
  let frames = 0;
  const onFrame = (_now, { expectedDisplayTime, presentedFrames }) => {
    frames = presentedFrames;
    canvas.drawImage(video, 0, 0, counter.bits * counter.pixels, counter.pixels, 0, 0, counter.bits, 1);
    const { data } = canvas.getImageData(0, 0, counter.bits, 1);
    let value = 0;
    for (let bit = 0; bit < counter.bits; bit += 1) value |= (data[bit * 4] > 127 ? 1 : 0) << bit;
    if (shown.at(-1)?.value !== value)
      shown.push({ value, at: performance.timeOrigin + expectedDisplayTime });
    video.requestVideoFrameCallback(onFrame);
  };
  const playing = new Promise((resolve) => {
    video.requestVideoFrameCallback((now, frame) => {
      onFrame(now, frame);
      resolve();
    });
  });
  await video.play();
  await playing;
  globalThis.seen = () => ({ shown, frames, at: performance.now() });
  globalThis.move = (x) => {
    const at = performance.timeOrigin + performance.now();
    session.moveMouse(x, counter.pixels / 2);
    return at;
  };
  globalThis.leave = async () => {
    session.close();
    await session.closed;
    await client.dispose();
  };
};

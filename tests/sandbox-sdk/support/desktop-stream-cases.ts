import assert from "node:assert/strict";
import type { DesktopStreamSession } from "@holdfast/sandbox-client";
import type { World } from "./world.ts";

type Case = (world: World) => Promise<void>;

const size = { width: 800, height: 600 };

/** A session of the stream, as far as it gets without a browser: its messages, not WebRTC. */
async function open({ client, after }: World): Promise<DesktopStreamSession> {
  await client.startDesktop(size);
  const session = client.connectDesktopStream();
  after(async () => {
    session.close();
    await session.closed;
  });
  return session;
}

/** Methods that need WebRTC: `react.test.ts` uses them in Chromium, by the viewers of both packages. */
export const streamMethodsInBrowser: readonly string[] = [
  ...["onTrack", "onConnect", "moveMouse", "mouseDown", "mouseUp", "scroll", "keyDown", "keyUp"],
].map((name) => `DesktopStreamSession.${name}`);

/** The other methods of the stream. */
export const desktopStreamCases: Readonly<Record<string, Case>> = {
  "SandboxAgent.startDesktopStream": async ({ client }) => {
    await client.startDesktop(size);
    assert.equal((await client.startDesktopStream()).active, true);
    await client.stopDesktopStream();
  },
  "SandboxAgent.getDesktopStreamStatus": async ({ client }) => {
    await client.startDesktop(size);
    assert.equal((await client.getDesktopStreamStatus()).active, false);
  },
  "SandboxAgent.buildDesktopStreamWebSocketUrl": async ({ client, server }) => {
    const url = new URL(client.buildDesktopStreamWebSocketUrl({ accessToken: "a b" }));
    assert.equal(`${url.protocol}//${url.host}`, server.url.replace("http", "ws"));
    assert.equal(url.pathname, "/v1/desktop/stream/signaling");
    assert.equal(url.searchParams.get("access_token"), "a b");
  },
  "SandboxAgent.connectDesktopStreamWebSocket": async ({ client }) => {
    await client.startDesktop(size);
    const socket = client.connectDesktopStreamWebSocket();
    const { data } = await new Promise<MessageEvent>((resolve) =>
      socket.addEventListener("message", resolve, { once: true }),
    );
    assert.equal(JSON.parse(String(data)).event, "system/init");
    socket.close();
  },
  "SandboxAgent.connectDesktopStream": async ({ client }) => {
    await client.startDesktop(size);
    const session = client.connectDesktopStream();
    await new Promise((resolve) => session.onReady(resolve));
    session.close();
    await session.closed;
  },
  "DesktopStreamSession.onReady": async (world) => {
    const session = await open(world);
    const ready = await new Promise((resolve) => session.onReady(resolve));
    assert.deepEqual(ready, { type: "ready", ...size });
    // One that comes later is told as well.
    assert.deepEqual(await new Promise((resolve) => session.onReady(resolve)), ready);
  },
  "DesktopStreamSession.onDisconnect": async (world) => {
    const session = await open(world);
    const disconnected = new Promise<void>((resolve) => session.onDisconnect(resolve));
    session.close();
    await disconnected;
  },
  "DesktopStreamSession.onClose": async (world) => {
    const session = await open(world);
    const closed = new Promise<void>((resolve) => session.onClose(resolve));
    session.close();
    await closed;
  },
  "DesktopStreamSession.onError": async (world) => {
    const session = await open(world);
    await new Promise((resolve) => session.onReady(resolve));
    const error = new Promise<{ readonly message: string }>((resolve) => session.onError(resolve));
    await world.client.stopDesktopStream();
    assert.match((await error).message, /stopped/);
  },
  "DesktopStreamSession.getMediaStream": async (world) => {
    assert.equal((await open(world)).getMediaStream(), null);
  },
  "DesktopStreamSession.onFrame": async (world) => {
    const session = await open(world);
    const stop = session.onFrame(() => assert.fail("nobody has asked for frames"));
    await new Promise((resolve) => session.onReady(resolve));
    stop();
  },
  "DesktopStreamSession.close": async (world) => {
    const session = await open(world);
    session.close();
    session.close();
    await session.closed;
  },
  "SandboxAgent.stopDesktopStream": async (world) => {
    const session = await open(world);
    await new Promise((resolve) => session.onReady(resolve));
    assert.equal((await world.client.stopDesktopStream()).active, false);
    await session.closed;
  },
};

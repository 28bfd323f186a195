import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { refused, type World } from "./world.ts";

type Case = (world: World) => Promise<void>;

const size = { width: 800, height: 600 };

/** A case on the desktop, which the first of them starts. */
function onDesktop(run: Case): Case {
  return async (world) => {
    await world.client.startDesktop(size);
    await run(world);
  };
}

/** Opens a terminal; returns the id of its window. */
async function terminal({ client, after }: World): Promise<string> {
  const { processId, windowId } = await client.launchDesktopApp({
    app: "xterm",
    args: ["-T", "case", "-e", "cat"],
    wait: true,
  });
  after(() => client.killProcess(processId));
  assert.ok(windowId, "no window opened");
  return windowId;
}

function isPng(image: Uint8Array): boolean {
  return Buffer.from(image.subarray(1, 4)).toString("latin1") === "PNG";
}

/** A recording that has ended: one of an earlier case, or a new one. */
async function recorded({ client }: World): Promise<string> {
  const { recordings } = await client.listDesktopRecordings();
  const former = recordings.find((each) => each.status !== "recording");
  if (former !== undefined) return former.id;
  const { id, status } = await client.startDesktopRecording({ fps: 5 });
  assert.equal(status, "recording");
  const stopped = await client.stopDesktopRecording();
  assert.equal(stopped.id, id);
  return id;
}

export const desktopCases: Readonly<Record<string, Case>> = {
  "SandboxAgent.startDesktop": async ({ sdk, client }) => {
    await refused(sdk, client.startDesktop({ width: 0 }), 400);
    const started = await client.startDesktop(size);
    assert.equal(started.state, "active");
    assert.equal((await client.startDesktop({ width: 10, height: 10 })).startedAt, started.startedAt);
  },
  "SandboxAgent.getDesktopStatus": onDesktop(async ({ client }) => {
    const { state, missingDependencies, processes } = await client.getDesktopStatus();
    assert.equal(state, "active");
    assert.deepEqual(missingDependencies, []);
    assert.ok(processes?.every(({ running }) => running));
  }),
  "SandboxAgent.getDesktopDisplayInfo": onDesktop(async ({ client }) => {
    const { display, resolution } = await client.getDesktopDisplayInfo();
    assert.match(display, /^:\d+$/);
    assert.deepEqual(resolution, { ...size, dpi: 96 });
  }),
  "SandboxAgent.takeDesktopScreenshot": onDesktop(async ({ sdk, client }) => {
    assert.ok(isPng(await client.takeDesktopScreenshot()));
    const jpeg = await client.takeDesktopScreenshot({ format: "jpeg", quality: 50, scale: 0.5 });
    assert.deepEqual([...jpeg.subarray(0, 2)], [0xff, 0xd8]);
    await refused(sdk, client.takeDesktopScreenshot({ quality: 0 }), 400);
  }),
  "SandboxAgent.takeDesktopRegionScreenshot": onDesktop(async ({ sdk, client }) => {
    const region = { x: 10, y: 10, width: 20, height: 20 };
    assert.ok(isPng(await client.takeDesktopRegionScreenshot({ ...region, showCursor: true })));
    await refused(sdk, client.takeDesktopRegionScreenshot({ ...region, width: 0 }), 400);
  }),
  "SandboxAgent.getDesktopMousePosition": onDesktop(async ({ client }) => {
    await client.moveDesktopMouse({ x: 11, y: 12 });
    const { x, y } = await client.getDesktopMousePosition();
    assert.deepEqual([x, y], [11, 12]);
  }),
  "SandboxAgent.moveDesktopMouse": onDesktop(async ({ sdk, client }) => {
    const { x, y } = await client.moveDesktopMouse({ x: 700, y: 500 });
    assert.deepEqual([x, y], [700, 500]);
    await refused(sdk, client.moveDesktopMouse({ x: -1, y: 0 }), 400);
  }),
  "SandboxAgent.clickDesktop": onDesktop(async (world) => {
    const id = await terminal(world);
    const [window] = (await world.client.listDesktopWindows()).windows.filter((each) => each.id === id);
    assert.ok(window);
    const at = { x: window.x + 20, y: window.y + 20 };
    const clicked = await world.client.clickDesktop({ ...at, button: "left", clickCount: 2 });
    assert.equal(clicked.window, id);
    await refused(world.sdk, world.client.clickDesktop({ ...at, clickCount: 0 }), 400);
  }),
  "SandboxAgent.mouseDownDesktop": onDesktop(async ({ sdk, client }) => {
    assert.equal((await client.mouseDownDesktop({ button: "left", x: 5, y: 6 })).x, 5);
    await client.mouseUpDesktop({ button: "left" });
    await refused(sdk, client.mouseDownDesktop({ x: 5 }), 400);
  }),
  "SandboxAgent.mouseUpDesktop": onDesktop(async ({ client }) => {
    await client.mouseDownDesktop({});
    assert.equal((await client.mouseUpDesktop({ x: 7, y: 8 })).y, 8);
  }),
  "SandboxAgent.dragDesktopMouse": onDesktop(async ({ client }) => {
    const { x, y } = await client.dragDesktopMouse({ startX: 1, startY: 1, endX: 90, endY: 80 });
    assert.deepEqual([x, y], [90, 80]);
  }),
  "SandboxAgent.scrollDesktop": onDesktop(async ({ sdk, client }) => {
    assert.equal((await client.scrollDesktop({ x: 9, y: 9, deltaY: 3, deltaX: -1 })).x, 9);
    await refused(sdk, client.scrollDesktop({ x: 9, y: 9 }), 400);
  }),
  "SandboxAgent.typeDesktopText": onDesktop(async ({ sdk, client }) => {
    assert.deepEqual(await client.typeDesktopText({ text: "typed €", delayMs: 1 }), { ok: true });
    await refused(sdk, client.typeDesktopText({ text: "" }), 400);
  }),
  "SandboxAgent.pressDesktopKey": onDesktop(async ({ sdk, client }) => {
    assert.deepEqual(await client.pressDesktopKey({ key: "l", modifiers: { ctrl: true } }), { ok: true });
    await refused(sdk, client.pressDesktopKey({ key: "no such key" }), 400);
  }),
  "SandboxAgent.keyDownDesktop": onDesktop(async (world) => await heldKey(world)),
  "SandboxAgent.keyUpDesktop": onDesktop(async (world) => await heldKey(world)),
  "SandboxAgent.listDesktopWindows": onDesktop(async (world) => {
    const id = await terminal(world);
    const { windows } = await world.client.listDesktopWindows();
    assert.equal(windows.find((window) => window.id === id)?.title, "case");
  }),
  "SandboxAgent.getDesktopFocusedWindow": onDesktop(async (world) => {
    const id = await terminal(world);
    await world.client.focusDesktopWindow(id);
    const focused = await world.client.getDesktopFocusedWindow();
    assert.deepEqual([focused.id, focused.isActive], [id, true]);
  }),
  "SandboxAgent.focusDesktopWindow": onDesktop(async (world) => {
    const id = await terminal(world);
    assert.equal((await world.client.focusDesktopWindow(id)).isActive, true);
    await refused(world.sdk, world.client.focusDesktopWindow("1"), 404);
  }),
  "SandboxAgent.moveDesktopWindow": onDesktop(async (world) => {
    const moved = await world.client.moveDesktopWindow(await terminal(world), { x: 50, y: 60 });
    assert.ok(moved.x >= 50 && moved.x < 60 && moved.y >= 60 && moved.y < 110, JSON.stringify(moved));
  }),
  "SandboxAgent.resizeDesktopWindow": onDesktop(async (world) => {
    const resized = await world.client.resizeDesktopWindow(await terminal(world), {
      width: 300,
      height: 200,
    });
    assert.ok(
      Math.abs(resized.width - 300) < 20 && Math.abs(resized.height - 200) < 20,
      JSON.stringify(resized),
    );
  }),
  "SandboxAgent.getDesktopClipboard": onDesktop(async ({ client }) => {
    await client.setDesktopClipboard({ text: "first", selection: "primary" });
    const read = await client.getDesktopClipboard({ selection: "primary" });
    assert.deepEqual(read, { text: "first", selection: "primary" });
  }),
  "SandboxAgent.setDesktopClipboard": onDesktop(async ({ sdk, client }) => {
    assert.deepEqual(await client.setDesktopClipboard({ text: "Grüße", selection: "both" }), { ok: true });
    assert.equal((await client.getDesktopClipboard()).text, "Grüße");
    await refused(sdk, client.setDesktopClipboard({ text: "x", selection: "other" }), 400);
  }),
  "SandboxAgent.launchDesktopApp": onDesktop(async (world) => {
    assert.match(await terminal(world), /^\d+$/);
    await refused(world.sdk, world.client.launchDesktopApp({ app: "no-such-program" }), 404);
  }),
  "SandboxAgent.openDesktopTarget": onDesktop(async ({ client, directory }) => {
    const path = join(directory, "page.txt");
    await writeFile(path, "a page");
    assert.match((await client.openDesktopTarget({ target: path })).processId, /^proc_\d+$/);
  }),
  "SandboxAgent.startDesktopRecording": onDesktop(async ({ sdk, client }) => {
    const { id } = await client.startDesktopRecording();
    await refused(sdk, client.startDesktopRecording(), 409);
    await refused(sdk, client.deleteDesktopRecording(id), 409);
    await client.stopDesktopRecording();
  }),
  "SandboxAgent.stopDesktopRecording": onDesktop(async (world) => {
    const { id } = await world.client.startDesktopRecording({ fps: 5 });
    assert.equal((await world.client.stopDesktopRecording()).id, id);
    await refused(world.sdk, world.client.stopDesktopRecording(), 409);
  }),
  "SandboxAgent.listDesktopRecordings": onDesktop(async (world) => {
    const id = await recorded(world);
    const { recordings } = await world.client.listDesktopRecordings();
    assert.ok(recordings.some((each) => each.id === id && each.fileName === `${id}.mp4`));
  }),
  "SandboxAgent.getDesktopRecording": onDesktop(async (world) => {
    const id = await recorded(world);
    assert.notEqual((await world.client.getDesktopRecording(id)).status, "recording");
    await refused(world.sdk, world.client.getDesktopRecording("rec_9999"), 404);
  }),
  "SandboxAgent.downloadDesktopRecording": onDesktop(async (world) => {
    const video = await world.client.downloadDesktopRecording(await recorded(world));
    assert.equal(Buffer.from(video.subarray(4, 8)).toString("latin1"), "ftyp");
  }),
  "SandboxAgent.deleteDesktopRecording": onDesktop(async (world) => {
    const id = await recorded(world);
    await world.client.deleteDesktopRecording(id);
    await refused(world.sdk, world.client.deleteDesktopRecording(id), 404);
  }),
  "SandboxAgent.stopDesktop": onDesktop(async ({ sdk, client }) => {
    assert.equal((await client.stopDesktop()).state, "inactive");
    assert.equal((await client.stopDesktop()).state, "inactive");
    await refused(sdk, client.takeDesktopScreenshot(), 409);
  }),
};

async function heldKey({ sdk, client }: World): Promise<void> {
  assert.deepEqual(await client.keyDownDesktop({ key: "shift" }), { ok: true });
  assert.deepEqual(await client.keyUpDesktop({ key: "shift" }), { ok: true });
  await refused(sdk, client.keyDownDesktop({ key: "no such key" }), 400);
}

/** One desktop, used as clients and agents use it: programs on it tell what has arrived. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import sharp from "sharp";
import { until } from "../harness.ts";
import { DesktopApi } from "./desktop-api.ts";

test("desktop", { timeout: 120_000 }, async (t) => {
  const api = await DesktopApi.start(t);
  const read = (name: string) => readFile(join(api.sandbox.work, name), "utf8").catch(() => "");
  const within = (name: string, run: (t: TestContext) => Promise<void>) => t.test(name, run);

  await within("is refused before the start, and bad options start nothing", async () => {
    assert.equal((await api.get("status")).state, "inactive");
    for (const path of [
      "screenshot",
      "mouse/position",
      "windows",
      "windows/focused",
      "display/info",
      "apps",
    ]) {
      assert.equal((await api.get(path, 409)).code, "conflict");
    }
    await api.post("mouse/move", { x: 1, y: 1 }, 409);
    await api.post("recording/start", {}, 409);
    const bad: readonly object[] = [
      { width: 0 },
      { height: 8_193 },
      { width: 8_192, height: 8_192 },
      { dpi: 0 },
      { displayNum: 65_536 },
      { stateDir: "relative" },
      { recordingFps: 61 },
      { streamVideoCodec: "av1" },
      { streamAudioCodec: "mp3" },
      { streamFrameRate: 0 },
      { webrtcPortRange: "70-60" },
    ];
    for (const options of bad) {
      assert.equal((await api.post("start", options, 400)).code, "desktop_invalid_action");
    }
    await api.post("start", { width: "wide" }, 422);
    assert.deepEqual(await api.get("status"), { state: "inactive", missingDependencies: [], processes: [] });
  });

  await within("starts once, on a display that nobody else can use", async () => {
    const [started, again] = await Promise.all([
      api.post("start", { width: 1_000, height: 700 }),
      api.post("start", { width: 50, height: 50 }),
    ]);
    assert.equal(started.state, "active");
    assert.deepEqual(again, started);
    assert.deepEqual(
      started.processes.map(({ name, running }: { name: string; running: boolean }) => [name, running]),
      [
        ["Xvfb", true],
        ["openbox", true],
        ["dbus-daemon", true],
      ],
    );
    const resolution = { width: 1_000, height: 700, dpi: 96 };
    assert.deepEqual(await api.get("display/info"), { display: started.display, resolution });
    // Commands of the server reach the display by themselves; without the secret it refuses them.
    const known = await api.run("xclip", ["-o", "-selection", "clipboard", "-target", "TARGETS"]);
    assert.doesNotMatch(known.stderr, /Can't open display/);
    const stranger = await api.run("xclip", ["-o"], { XAUTHORITY: "/dev/null" });
    assert.match(stranger.stderr, /Can't open display/);
  });

  await within("refuses a display that is in use", async (each) => {
    const { display } = await api.get("status");
    const other = await DesktopApi.start(each);
    const refused = await other.post("start", { displayNum: Number(display.slice(1)) }, 409);
    assert.match(refused.detail, /in use/);
    assert.equal((await other.get("status")).state, "failed");
  });

  await within("types any text, also with more characters than the keyboard has keys", async () => {
    await api.terminal("cat > typed.txt");
    const many = Array.from({ length: 300 }, (_each, index) => String.fromCodePoint(0x4e00 + index)).join("");
    const text = `Hello "Grüße" ~ €5 日本 😀\n${many}\n`;
    await api.post("keyboard/type", { text });
    await api.post("keyboard/type", { text: "slow\n", delayMs: 5 });
    await until("the text has arrived", async () => (await read("typed.txt")).endsWith("slow\n"));
    assert.equal(await read("typed.txt"), `${text}slow\n`);
    await api.post("keyboard/press", { key: "d", modifiers: { ctrl: true } });
    await until("the program has ended", async () => (await api.get("windows")).windows.length === 0);
    for (const key of ["", "nothing", "ctrl+nothing"]) await api.post("keyboard/press", { key }, 400);
    for (const body of [{ text: "" }, { text: "\u0007" }, { text: "x", delayMs: 1_001 }]) {
      await api.post("keyboard/type", body, 400);
    }
    await api.post("keyboard/type", { text: 5 }, 422);
  });

  await within("holds keys and buttons, clicks, scrolls and drags", async () => {
    // The terminal reports the mouse as ESC [ M, the button and the position.
    const id = await api.terminal(
      "printf '\\033[?1002h'; stty -icanon -echo; printf ready > ready.txt; exec cat > mouse.txt",
    );
    await until("the terminal reports", async () => (await read("ready.txt")) === "ready");
    const seen = async () =>
      (await read("mouse.txt"))
        .split("\u001b[M")
        .slice(1)
        .map(([button]) => button);
    const { x, y } = (await api.get("windows")).windows[0];
    const at = { x: x + 100, y: y + 100 };
    assert.deepEqual(await api.post("mouse/click", at), { ...at, screen: 0, window: id });
    await api.post("mouse/click", { ...at, button: "right", clickCount: 2 });
    await api.post("mouse/scroll", { ...at, deltaY: -1 });
    await api.post("mouse/scroll", { ...at, deltaY: 2 });
    // 32 is the left button, 34 the right one, 35 a release, 96 and 97 the wheel.
    const expected = [" ", "#", '"', "#", '"', "#", "`", "a", "a"];
    await until("the clicks have arrived", async () => (await seen()).length >= expected.length);
    assert.deepEqual(await seen(), expected);
    await api.post("mouse/drag", { startX: at.x, startY: at.y, endX: at.x + 80, endY: at.y + 80 });
    // 64 is motion with the left button.
    await until("the drag has arrived", async () => (await seen()).at(-1) === "#");
    assert.ok((await seen()).includes("@"), "the button was released without motion");
    await api.post("keyboard/down", { key: "shift" });
    await api.post("keyboard/press", { key: "a" });
    await api.post("keyboard/up", { key: "shift" });
    await api.post("keyboard/press", { key: "+" });
    await until("the keys have arrived", async () => (await read("mouse.txt")).endsWith("A+"));
    await api.post("mouse/down", at);
    await api.post("mouse/up", { button: "left" });
    for (const [path, body] of [
      ["mouse/move", { x: 1_000, y: 0 }],
      ["mouse/move", { x: -1, y: 0 }],
      ["mouse/click", { ...at, clickCount: 0 }],
      ["mouse/down", { x: 1 }],
      ["mouse/scroll", at],
      ["mouse/scroll", { ...at, deltaY: 1_001 }],
      ["mouse/drag", { startX: 1, startY: 1, endX: 5_000, endY: 1 }],
    ] as const) {
      assert.equal((await api.post(path, body, 400)).code, "desktop_invalid_action", path);
    }
    await api.post("mouse/click", { ...at, button: "fourth" }, 422);
    await api.post("mouse/move", { x: 1 }, 422);
    assert.deepEqual(await api.post("mouse/move", { x: 999, y: 699 }), { x: 999, y: 699, screen: 0 });
  });

  await within("lists, moves, resizes and focuses windows", async () => {
    const [first] = (await api.get("windows")).windows;
    assert.equal(first.title, "test terminal");
    assert.equal(first.isActive, true);
    const second = await api.terminal("exec cat");
    assert.equal((await api.get("windows/focused")).id, second);
    assert.equal((await api.post(`windows/${first.id}/focus`)).isActive, true);
    assert.equal((await api.get("windows/focused")).id, first.id);
    const moved = await api.post(`windows/${second}/move`, { x: 300, y: 200 });
    // The frame is there, and the content inside of its border and title.
    assert.ok(moved.x >= 300 && moved.x < 310 && moved.y > 200 && moved.y < 240, JSON.stringify(moved));
    const resized = await api.post(`windows/${second}/resize`, { width: 400, height: 300 });
    assert.ok(
      Math.abs(resized.width - 400) < 20 && Math.abs(resized.height - 300) < 20,
      JSON.stringify(resized),
    );
    await api.post(`windows/${second}/resize`, { width: 0, height: 300 }, 400);
    await api.post(`windows/${second}/focus`);
    await api.post("keyboard/press", { key: "ctrl+d" });
    await until("the window has gone", async () => (await api.get("windows")).windows.length === 1);
    // The window of a program that does not react stays; afterwards it closes as it was asked to.
    const third = await api.post("launch", { app: "xterm", args: ["-e", "cat"], wait: true });
    process.kill(third.pid, "SIGSTOP");
    assert.deepEqual(await api.post(`windows/${third.windowId}/close`), { closed: false });
    process.kill(third.pid, "SIGCONT");
    await until("the window has gone", async () => (await api.get("windows")).windows.length === 1);
    const fourth = await api.terminal("exec cat");
    assert.deepEqual(await api.post(`windows/${fourth}/close`), { closed: true });
    assert.equal((await api.get("windows")).windows.length, 1);
    await api.post("windows/1/close", {}, 404);
    for (const gone of [second, "1", "nonsense"]) {
      assert.equal((await api.post(`windows/${gone}/focus`, {}, 404)).code, "window_not_found");
      await api.post(`windows/${gone}/move`, { x: 1, y: 1 }, 404);
    }
  });

  await within("takes screenshots of the screen and of a region", async () => {
    const [window] = (await api.get("windows")).windows;
    const inside = `x=${window.x + 200}&y=${window.y + 200}`;
    const { response, body } = await api.call("GET", "screenshot", 200);
    assert.equal(response.headers.get("content-type"), "image/png");
    const { data, info } = await sharp(body).raw().toBuffer({ resolveWithObject: true });
    assert.deepEqual([info.width, info.height], [1_000, 700]);
    const pixel = ((window.y + 200) * 1_000 + window.x + 200) * info.channels;
    assert.deepEqual([...data.subarray(pixel, pixel + 3)], [255, 255, 255], "the terminal is white");
    assert.deepEqual([...data.subarray(0, 3)], [0, 0, 0], "the corner of the screen is black");
    for (const format of ["jpeg", "webp", "png"]) {
      const size = "width=101&height=33&scale=0.5&quality=50";
      const part = await sharp(
        await api.get(`screenshot/region?${inside}&${size}&format=${format}`),
      ).metadata();
      assert.deepEqual([part.format, part.width, part.height], [format, 51, 17]);
    }
    const corner = await sharp(
      await api.get("screenshot/region?x=990&y=690&width=500&height=500"),
    ).metadata();
    assert.deepEqual([corner.width, corner.height], [10, 10]);
    await api.post("mouse/move", { x: 900, y: 650 });
    const around = "screenshot/region?x=890&y=640&width=30&height=30&showCursor=";
    assert.notDeepEqual(await api.get(`${around}true`), await api.get(`${around}false`));
    for (const query of [
      ...["format=gif", "quality=0", "quality=101", "quality=x", "scale=0.05", "scale=1.1", "showCursor=yes"],
    ]) {
      await api.get(`screenshot?${query}`, 400);
    }
    for (const region of ["x=0&y=0&width=0&height=5", "x=-1&y=0&width=5&height=5", "x=0&y=0&width=5"]) {
      await api.get(`screenshot/region?${region}`, 400);
    }
    await api.get("screenshot/region?x=1000&y=0&width=5&height=5", 400);
  });

  await within("shares the clipboard with the programs on it, also when it is large", async () => {
    const large = "Zeile mit Umlauten äöü\n".repeat(50_000);
    for (const text of ["short €", "", large]) {
      await api.post("clipboard", { text, selection: "both" });
      assert.deepEqual(await api.get("clipboard"), { text, selection: "clipboard" });
      assert.equal((await api.run("sh", ["-c", "xclip -o -selection primary > pasted.txt"])).exitCode, 0);
      assert.equal(await read("pasted.txt"), text);
    }
    for (const text of ["from a program", large]) {
      await writeFile(join(api.sandbox.work, "copied.txt"), text);
      await api.post("launch", {
        app: "xclip",
        args: ["-quiet", "-selection", "clipboard", "-i", "copied.txt"],
      });
      await until("the program owns the clipboard", async () => (await api.get("clipboard")).text === text);
    }
    assert.equal((await api.get("clipboard?selection=primary")).text, large);
    await api.get("clipboard?selection=secondary", 400);
    await api.post("clipboard", { text: "x", selection: "secondary" }, 400);
    await api.post("clipboard", { selection: "both" }, 422);
  });

  await within("launches and opens", async () => {
    assert.equal((await api.post("launch", { app: "no-such-program" }, 404)).code, "app_not_found");
    await api.post("launch", { app: " " }, 400);
    await api.post("launch", { app: "xterm", args: [1] }, 422);
    const { pid, processId } = await api.post("launch", { app: "sleep", args: ["60"] });
    assert.equal(typeof pid, "number");
    const listed = await api.sandbox.fetch(`${api.sandbox.url}/v1/processes/${processId}`);
    assert.equal(((await listed.json()) as { owner: string }).owner, "desktop");
    assert.match((await api.post("open", { target: "copied.txt" })).processId, /^proc_/);
    const { apps } = await api.get("apps");
    assert.ok(Array.isArray(apps));
    await api.post("open", { target: "" }, 400);
    await api.post("open", { target: "--help" }, 400);
  });

  await within("is failed when the X server dies, and starts again", async () => {
    const { processes } = await api.get("status");
    process.kill(processes[0].pid, "SIGKILL");
    await until("the loss is seen", async () => (await api.get("status")).state === "failed");
    assert.equal((await api.get("status")).lastError.code, "desktop_runtime_failed");
    await api.get("screenshot", 409);
    const again = await api.post("start");
    assert.deepEqual([again.state, again.resolution], ["active", { width: 1_440, height: 900, dpi: 96 }]);
  });

  await within("ends everything with the stop", async () => {
    await api.terminal("exec cat");
    const { processes } = await api.get("status");
    for (let times = 0; times < 2; times += 1) assert.equal((await api.post("stop")).state, "inactive");
    const listed = await api.sandbox.fetch(`${api.sandbox.url}/v1/processes?owner=desktop`);
    const { processes: left } = (await listed.json()) as { processes: { status: string; pid?: number }[] };
    assert.deepEqual(
      left.filter(({ status }) => status === "running"),
      [],
    );
    for (const { pid } of processes) assert.throws(() => process.kill(pid, 0));
  });
});

test("without its programs a desktop names the command that installs them", async (t) => {
  const api = await DesktopApi.start(t, { env: { PATH: "/nonexistent" } });
  const status = await api.get("status");
  assert.equal(status.state, "install_required");
  assert.deepEqual(status.missingDependencies, ["Xvfb", "openbox"]);
  assert.match(status.installCommand, /^holdfast sandbox install desktop/);
  const refused = await api.post("start", {}, 503);
  assert.equal(refused.code, "desktop_dependencies_missing");
  assert.deepEqual(refused.missingDependencies, ["Xvfb", "openbox"]);
  assert.equal(refused.installCommand, status.installCommand);
});

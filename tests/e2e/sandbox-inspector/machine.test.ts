import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createSandboxServer } from "@holdfast/sandbox";
import { missingChromium } from "@holdfast/testing/chromium";
import { assertAccessible, assertAccessibleInThemes } from "../support/axe.ts";
import { openPage } from "../support/browser.ts";
import { clickAndType, holds, moves, startDesktop, terminalScript } from "../support/desktop.ts";
import { assertNoTrouble, SandboxInspector } from "../support/sandbox-inspector.ts";

describe("the machine in the inspector of a sandbox server", { skip: missingChromium }, () => {
  let inspector: SandboxInspector;
  before(async () => {
    inspector = await SandboxInspector.create();
  });
  after(() => inspector?.dispose());

  test("a process: started, followed, spoken to, stopped, deleted", async (t) => {
    const page = await inspector.open(t, "processes");
    await page.getByLabel("Command").fill(`sh -c 'echo started; echo "bad <b>news</b>" >&2; cat'`);
    await page.getByRole("button", { name: "Start" }).click();
    const output = page.getByRole("log", { name: "Output" });
    await output.getByText("started").waitFor();
    await output.locator(".output-error").getByText("bad <b>news</b>").waitFor();
    await page.getByLabel("Input").fill("echoed");
    await page.keyboard.press("Enter");
    await output.getByText("echoed").waitFor();
    // Text typed while a line is sent becomes the next one.
    const held = Promise.withResolvers<void>();
    await page.route("**/v1/processes/*/input", async (route) => {
      await held.promise;
      await route.continue();
    });
    await page.getByLabel("Input").fill("line one");
    await page.keyboard.press("Enter");
    await page.getByLabel("Input").pressSequentially("line two");
    held.resolve();
    await page.getByRole("button", { name: "Send line" }).click();
    await output.getByText("line one").waitFor();
    await output.getByText("line two").waitFor();
    await assertAccessible(page, "a process");
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("button", { name: "Delete" }).click();
    const dialog = page.getByRole("dialog");
    await assertAccessible(page, "the question before a deletion");
    await dialog.getByRole("button", { name: "Delete" }).click();
    await page.getByText("No processes yet.").waitFor();
    const { processes } = (await (await inspector.call("/v1/processes")).json()) as { processes: unknown[] };
    assert.deepEqual(processes, []);
    assertNoTrouble(page);
  });

  test("a double click opens one shell", async (t) => {
    const page = await inspector.open(t, "processes");
    let starts = 0;
    page.on("request", (request) => {
      if (request.method() === "POST" && request.url().endsWith("/v1/processes")) starts += 1;
    });
    await page.getByRole("button", { name: "Open a shell" }).dblclick();
    const terminal = page.getByRole("region", { name: "Terminal" });
    await terminal.getByText("Connected").waitFor();
    assert.equal(starts, 1);
    await terminal.locator(".xterm-helper-textarea").focus();
    await page.keyboard.type("exit 5\n");
    await page.getByText("Exited with 5").first().waitFor();
    assertNoTrouble(page);
  });

  test("a shell in a terminal", async (t) => {
    const page = await inspector.open(t, "processes");
    await page.getByRole("button", { name: "Open a shell" }).click();
    const terminal = page.getByRole("region", { name: "Terminal" });
    await terminal.getByText("Connected").waitFor();
    await terminal.locator(".xterm-helper-textarea").focus();
    await page.keyboard.type("echo $((6 * 7)) > answer.txt; exit 3\n");
    await page.getByText("Exited with 3").first().waitFor();
    assert.equal(await readFile(join(inspector.work, "answer.txt"), "utf8"), "42\n");
    await page.getByRole("log", { name: "Output" }).getByText("echo $((6 * 7))").waitFor();
    assertNoTrouble(page);
  });

  test("the last line of a terminal is fully visible at any size", async (t) => {
    const page = await inspector.open(t, "processes");
    await page.getByRole("button", { name: "Open a shell" }).click();
    const terminal = page.getByRole("region", { name: "Terminal" });
    await terminal.getByText("Connected").waitFor();
    const fits = `(() => {
      const frame = document.querySelector(".sa-process-terminal-screen");
      const rows = frame.querySelector(".xterm-screen").getBoundingClientRect();
      const { bottom, right } = frame.getBoundingClientRect();
      return rows.height > 0 && rows.bottom <= bottom - 8 && rows.right <= right - 8;
    })()`;
    for (let height = 700; height < 716; height += 3) {
      await page.setViewportSize({ width: height + 200, height });
      await holds(page, fits);
    }
    await page.locator(".sa-process-terminal-screen").click({ position: { x: 3, y: 3 } });
    await page.keyboard.type("exit 4\n");
    await page.getByText("Exited with 4").first().waitFor();
  });

  test("a long name of a file pushes nothing out of view, and the current page is in view on a phone", async (t) => {
    const name = `${"n".repeat(200)}.txt`;
    await writeFile(join(inspector.work, name), "");
    t.after(() => rm(join(inspector.work, name)));
    const page = await inspector.open(t, `files?${new URLSearchParams({ path: inspector.work })}`);
    await page.getByRole("link", { name }).waitFor();
    const surplus = await page.evaluate<number>(`(() => {
      const box = document.querySelector(".table-box");
      return box.scrollWidth - box.clientWidth;
    })()`);
    assert.equal(surplus, 0);
    await page.setViewportSize({ width: 360, height: 740 });
    await page.getByRole("link", { name: "Configuration" }).click();
    await page.getByRole("heading", { name: "Configuration" }).waitFor();
    await holds(
      page,
      `(() => {
      const strip = document.querySelector(".top nav").getBoundingClientRect();
      const link = document.querySelector('.top nav [aria-current="page"]').getBoundingClientRect();
      return link.left >= strip.left && link.right < strip.right + 2;
    })()`,
    );
    await page.goto(`${inspector.server.url}/ui/config`);
    await holds(
      page,
      `(() => {
      const strip = document.querySelector(".top nav")?.getBoundingClientRect();
      const link = document.querySelector('.top nav [aria-current="page"]')?.getBoundingClientRect();
      return strip !== undefined && link !== undefined && link.right < strip.right + 2;
    })()`,
    );
  });

  test("a file is changed, and never over somebody else's change without being asked", async (t) => {
    const page = await inspector.open(t, `files?${new URLSearchParams({ path: inspector.work })}`);
    const files = page.getByTestId("files");
    await files.getByRole("link", { name: "README.md" }).click();
    const text = page.getByLabel("Text of the file");
    await text.fill("# Edited\n");
    await assertAccessible(page, "a file");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved.").waitFor({ state: "attached" });
    assert.equal(await readFile(join(inspector.work, "README.md"), "utf8"), "# Edited\n");

    await text.fill("# Mine\n");
    await writeFile(join(inspector.work, "README.md"), "# Somebody else's\n");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("it has changed since you opened it").waitFor();
    assert.equal(await readFile(join(inspector.work, "README.md"), "utf8"), "# Somebody else's\n");
    await page.getByRole("button", { name: "Reload the file" }).click();
    await page.getByText("it has changed since you opened it").waitFor({ state: "detached" });
    assert.equal(await text.inputValue(), "# Somebody else's\n");
    await files.getByRole("link", { name: "picture.bin" }).click();
    await page.getByText("The file is not text.").waitFor();
    assertNoTrouble(page);
  });

  test("an edited file of Windows keeps its line ends", async (t) => {
    await writeFile(join(inspector.work, "windows.txt"), "one\r\ntwo\r\nthree\r\n");
    t.after(() => rm(join(inspector.work, "windows.txt")));
    const page = await inspector.open(t, `files?${new URLSearchParams({ path: inspector.work })}`);
    await page.getByTestId("files").getByRole("link", { name: "windows.txt" }).click();
    await page.getByLabel("Text of the file").fill("one\n2\nthree\n");
    // The page may still say that another file was saved.
    const stored = page.waitForResponse((response) => response.request().method() === "PUT");
    await page.getByRole("button", { name: "Save" }).click();
    assert.ok((await stored).ok());
    assert.equal(await readFile(join(inspector.work, "windows.txt"), "utf8"), "one\r\n2\r\nthree\r\n");
    assertNoTrouble(page);
  });

  test("the list of files fits the narrowest page", async (t) => {
    const page = await inspector.open(t, `files?${new URLSearchParams({ path: inspector.work })}`, {
      width: 320,
    });
    await page.getByTestId("files").waitFor();
    const [content, room] = await page.evaluate<readonly [number, number]>(
      "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
    );
    assert.ok(content <= room, `${content - room} pixels too wide`);
    assertNoTrouble(page);
  });

  test("files are uploaded, moved, downloaded and deleted; what changes elsewhere appears by itself", async (t) => {
    const page = await inspector.open(
      t,
      `files?${new URLSearchParams({ path: join(inspector.work, "notes") })}`,
    );
    await page.getByText("This folder is empty.").waitFor();
    await page.getByRole("button", { name: "New folder" }).click();
    await page.getByLabel("Name").fill("kept");
    await page.keyboard.press("Enter");
    const files = page.getByTestId("files");
    await files.getByRole("link", { name: /^kept/ }).waitFor();

    const note = { name: "note.txt", mimeType: "text/plain", buffer: Buffer.from("one") };
    await page.locator('input[type="file"]').setInputFiles(note);
    await files.getByRole("link", { name: "note.txt" }).waitFor();
    await page.locator('input[type="file"]').setInputFiles({ ...note, buffer: Buffer.from("two") });
    await page.getByText("Existing files: note.txt.").waitFor();
    assert.equal(await readFile(join(inspector.work, "notes/note.txt"), "utf8"), "one");
    await page.getByRole("button", { name: "Replace" }).click();
    await page.getByText("Existing files").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Upload", exact: true }).waitFor();
    assert.equal(await readFile(join(inspector.work, "notes/note.txt"), "utf8"), "two");

    const downloading = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download note.txt" }).click();
    const download = await downloading;
    assert.equal(download.suggestedFilename(), "note.txt");
    assert.equal(await readFile(await download.path(), "utf8"), "two");

    await writeFile(join(inspector.work, "notes/elsewhere.txt"), "");
    await files.getByRole("link", { name: "elsewhere.txt" }).waitFor();

    await page.getByRole("button", { name: "Move note.txt" }).click();
    await page.getByLabel("New path").fill(join(inspector.work, "notes/moved.txt"));
    await page.keyboard.press("Enter");
    await files.getByRole("link", { name: "moved.txt" }).waitFor();
    await page.getByRole("button", { name: "Delete moved.txt" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await files.getByRole("link", { name: "moved.txt" }).waitFor({ state: "detached" });
    assert.equal(existsSync(join(inspector.work, "notes/moved.txt")), false);
    assertNoTrouble(page);
  });

  test("a file that is there already is replaced where it was to go, whatever folder is shown by then", async (t) => {
    for (const folder of ["one", "two"]) {
      await mkdir(join(inspector.work, folder));
      await writeFile(join(inspector.work, folder, "same.txt"), folder);
      t.after(() => rm(join(inspector.work, folder), { recursive: true }));
    }
    const page = await inspector.open(
      t,
      `files?${new URLSearchParams({ path: join(inspector.work, "one") })}`,
    );
    const mine = { name: "same.txt", mimeType: "text/plain", buffer: Buffer.from("mine") };
    await page.locator('input[type="file"]').setInputFiles(mine);
    await page.getByText("Existing files: same.txt.").waitFor();
    const crumbs = page.getByRole("navigation", { name: "Folder" });
    await crumbs.getByRole("link", { name: "work" }).click();
    await page.getByTestId("files").getByRole("link", { name: /^two/ }).click();
    await crumbs.getByRole("link", { name: "two" }).waitFor();
    await page.getByRole("button", { name: "Replace" }).click();
    await page.getByText("Existing files").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Upload", exact: true }).waitFor();
    assert.equal(await readFile(join(inspector.work, "two/same.txt"), "utf8"), "two");
    assert.equal(await readFile(join(inspector.work, "one/same.txt"), "utf8"), "mine");
    assertNoTrouble(page);
  });

  test("a folder whose name is not UTF-8 is opened, and takes files", async (t) => {
    const odd = Buffer.concat([Buffer.from(join(inspector.work, "odd-")), Buffer.of(0xff)]);
    await mkdir(odd);
    t.after(() => rm(odd, { recursive: true }));
    await writeFile(Buffer.concat([odd, Buffer.from("/inside.txt")]), "");
    const page = await inspector.open(t, `files?${new URLSearchParams({ path: inspector.work })}`);
    const files = page.getByTestId("files");
    await files.getByRole("link", { name: /^odd-/ }).click();
    await files.getByRole("link", { name: "inside.txt" }).waitFor();
    const note = { name: "note.txt", mimeType: "text/plain", buffer: Buffer.from("one") };
    await page.locator('input[type="file"]').setInputFiles(note);
    await files.getByRole("link", { name: "note.txt" }).waitFor();
    assert.equal(await readFile(Buffer.concat([odd, Buffer.from("/note.txt")]), "utf8"), "one");
    await page.getByRole("button", { name: "New folder" }).click();
    await page.getByLabel("Name").fill("below");
    await page.keyboard.press("Enter");
    await files.getByRole("link", { name: /^below/ }).waitFor();
    assertNoTrouble(page);
  });

  test("of a large folder the beginning is drawn, and the rest when it is asked for", async (t) => {
    const large = join(inspector.work, "large");
    await mkdir(large);
    t.after(() => rm(large, { recursive: true }));
    for (let at = 0; at < 302; at += 1) await writeFile(join(large, `file-${at}.txt`), "");
    const page = await inspector.open(t, `files?${new URLSearchParams({ path: large })}`);
    const rows = page.getByTestId("files").locator("tbody tr");
    await rows.first().waitFor();
    assert.equal(await rows.count(), 300);
    await page.getByRole("button", { name: "Show 2 more of 302" }).click();
    await rows.nth(301).waitFor();
    assertNoTrouble(page);
  });

  test("a folder is watched again after its server was away", async (t) => {
    const shown = join(inspector.directory, "shown");
    const home = join(inspector.directory, "home-of-another");
    await Promise.all([mkdir(shown), mkdir(home)]);
    await writeFile(join(shown, "before.txt"), "");
    const start = (port: number) =>
      createSandboxServer({
        listen: { host: "127.0.0.1", port },
        token: "the-same-token",
        cwd: shown,
        home,
      });
    let mortal = await start(0);
    t.after(() => mortal.close());
    const page = await openPage(inspector.browser, t);
    const query = new URLSearchParams({ path: shown });
    await page.goto(`${mortal.url}/ui/files?${query}#token=the-same-token`);
    const files = page.getByTestId("files");
    await files.getByRole("link", { name: "before.txt" }).waitFor();
    await mortal.close();
    await page.getByTestId("offline-banner").waitFor();
    await writeFile(join(shown, "meanwhile.txt"), "");
    mortal = await start(Number(new URL(mortal.url ?? "").port));
    await files.getByRole("link", { name: "meanwhile.txt" }).waitFor();
    await writeFile(join(shown, "after.txt"), "");
    await files.getByRole("link", { name: "after.txt" }).waitFor();
  });

  test("agents and the configuration of a folder", async (t) => {
    const page = await inspector.open(t, "agents");
    await page.getByRole("button", { name: "Install codex" }).waitFor();
    await assertAccessible(page, "the agents");
    await page.getByRole("link", { name: "Configuration" }).click();
    await page.getByRole("button", { name: "Add MCP server" }).click();
    await page.getByLabel("Name").fill("tools");
    const json = page.getByLabel("JSON of the new MCP server");
    await json.fill("{");
    await page.getByText("This is not a JSON object.").waitFor();
    await json.fill('{ "type": "remote" }');
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("The entry was not saved.").waitFor();
    await json.fill('{ "type": "local", "command": "some-server" }');
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("article", { name: "tools" }).waitFor();
    await assertAccessible(page, "the configuration");
    // A new file does not replace an existing one.
    await page.getByRole("button", { name: "Add MCP server" }).click();
    await page.getByLabel("Name").fill(" tools");
    const fresh = page.getByRole("article", { name: "New MCP server" });
    assert.equal(await fresh.getByRole("button", { name: "Save" }).isDisabled(), true);
    await page.getByText("This name is taken").waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    const saved = await inspector.call(
      `/v1/config/mcp?${new URLSearchParams({ directory: inspector.work, mcpName: "tools" })}`,
    );
    assert.deepEqual(await saved.json(), { type: "local", command: "some-server", args: [] });
    // Text typed during saving stays.
    const held = Promise.withResolvers<void>();
    await page.route("**/v1/config/mcp?*", async (route) => {
      if (route.request().method() === "PUT") await held.promise;
      await route.continue();
    });
    const kept = page.getByLabel("JSON of tools");
    await kept.fill('{ "type": "local", "command": "second" }');
    await page.getByRole("button", { name: "Save" }).click();
    await kept.fill('{ "type": "local", "command": "third" }');
    const stored = page.waitForResponse((response) => response.request().method() === "PUT");
    held.resolve();
    assert.ok((await stored).ok());
    await page.getByRole("button", { name: "Save" }).and(page.locator(":enabled")).waitFor();
    assert.equal(await kept.inputValue(), '{ "type": "local", "command": "third" }');
    await page.getByRole("button", { name: "Delete MCP server tools" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("article", { name: "tools" }).waitFor({ state: "detached" });
    assertNoTrouble(page);
  });

  test("the desktop: started, live, used, its programs and recordings, and left by the keyboard", async (t) => {
    const page = await inspector.open(t, "desktop");
    await page.getByText("No desktop is running").waitFor();
    await assertAccessible(page, "a server without a desktop");
    await startDesktop(page);
    const panel = (name: string, expanded = false) =>
      page.getByRole("button", { name, exact: true, expanded });
    const said = (text: string) => page.getByRole("status").getByText(text).waitFor({ state: "attached" });
    await panel("Launch").click();
    await page.getByLabel("Program").fill("no-such-program");
    await page.keyboard.press("Enter");
    await page.getByText("sandbox.app_not_found").waitFor();
    await writeFile(join(inspector.work, "terminal.sh"), terminalScript);
    await page.getByLabel("Program").fill("xterm -T 'First one' -geometry 200x70+0+0 -e sh terminal.sh");
    await page.keyboard.press("Enter");
    await said("The window of the program is open.");
    await panel("Launch", true).click();
    await moves(page);
    await clickAndType(page, "owl", () => readFile(join(inspector.work, "input.txt"), "utf8"));
    await page.keyboard.press("Control+Alt+Escape");
    await holds(page, "document.activeElement.matches('.sa-desktop-viewer')");
    await page.getByRole("button", { name: "Clipboard" }).click();
    const text = page.getByLabel("Text of the desktop’s clipboard");
    await text.fill("for the desktop");
    await page.getByRole("button", { name: "Set on the desktop" }).click();
    await page.getByText("The clipboard of the desktop has the text.").waitFor({ state: "attached" });
    await text.fill("");
    await page.getByRole("button", { name: "Read from the desktop" }).click();
    await holds(page, "document.querySelector('textarea').value === 'for the desktop'");
    await assertAccessibleInThemes(page, "the desktop");

    const entries = join(inspector.directory, "home/.local/share/applications");
    await mkdir(entries, { recursive: true });
    const exec = 'Exec=xterm -T "Second one" -geometry 40x10-0-0 -e cat';
    await writeFile(
      join(entries, "second.desktop"),
      `[Desktop Entry]\nType=Application\nName=Second\n${exec}\n`,
    );
    await panel("Launch").click();
    await page.getByLabel("Application").selectOption("Second");
    await page.getByRole("main").locator("form").getByRole("button", { name: "Launch" }).click();
    await said("The window of the program is open.");
    await page.getByLabel("Address or file").fill("--version");
    await page.keyboard.press("Enter");
    await page.getByText("target must be a path or a URL").waitFor();
    await panel("Windows").click();
    const windows = page.getByRole("list", { name: "Windows" }).getByRole("listitem");
    const first = windows.filter({ hasText: "First one" });
    await windows.filter({ hasText: "Second one" }).getByText("has the focus").waitFor();
    await first.getByRole("button", { name: /^Focus / }).click();
    await first.getByText("has the focus").waitFor();
    await page.getByRole("button", { name: "Close Second one" }).click();
    await windows.filter({ hasText: "Second one" }).waitFor({ state: "detached" });

    await panel("Recordings").click();
    await page.getByRole("button", { name: "Start recording" }).click();
    await page.getByRole("list", { name: "Recordings" }).getByText("recording", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Stop recording" }).click();
    const play = page.getByRole("button", { name: "Play rec_1.mp4" });
    await play.focus();
    await page.keyboard.press("Enter");
    await holds(page, "document.querySelector('dialog video')?.videoWidth === 1280");
    await assertAccessibleInThemes(page, "a recording");
    await page.keyboard.press("Escape");
    await holds(page, "document.activeElement.textContent === 'Play'");
    await page.setViewportSize({ width: 320, height: 640 });
    assert.ok(await page.evaluate<boolean>("document.documentElement.scrollWidth <= 320"), "it is too wide");
    await page.getByRole("button", { name: "Stop the desktop" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Stop" }).click();
    await page.getByText("No desktop is running").waitFor();

    // Recordings stay when the desktop has ended, and so does the panel that shows them.
    const downloading = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download rec_1.mp4" }).click();
    const download = await downloading;
    assert.equal(download.suggestedFilename(), "rec_1.mp4");
    assert.equal((await readFile(await download.path())).toString("latin1", 4, 8), "ftyp");
    await page.getByRole("button", { name: "Delete rec_1.mp4" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByText("No recordings yet.").waitFor();
    assertNoTrouble(page);
  });
});

/** A browser on the desktop, read and clicked by what it tells about its page. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { findProgram } from "../../src/desktop/display/programs.ts";
import { until } from "../harness.ts";
import { DesktopApi } from "./desktop-api.ts";

const page = `<title>Page</title>
  <button onclick="document.querySelector('p').textContent = 'it was pressed'">Press</button><p>nothing</p>
  <input aria-label="City" value="Ulm"><input aria-label="Secret" type="password" value="hidden">
  <a href="#1">More</a> <a href="#2">More</a>
  <div style="height: 3000px"></div><button>Below</button>`;

interface Node {
  readonly id: string;
  readonly role: string;
  readonly name: string;
  readonly states: readonly string[];
  readonly value?: string;
  readonly unresponsive?: boolean;
  readonly children: readonly Node[];
}

function flat(nodes: readonly Node[]): readonly Node[] {
  return nodes.flatMap((node) => [node, ...flat(node.children)]);
}

const missing = ["chromium", "dbus-daemon"].find(
  (name) => findProgram(name, process.env["PATH"]) === undefined,
);

test("accessibility tree", { timeout: 120_000, skip: missing && `needs ${missing}` }, async (t) => {
  const api = await DesktopApi.start(t);
  await api.get("tree", 409);
  await api.post("start", { width: 1_000, height: 700 });
  assert.deepEqual(await api.get("tree"), { nodes: [], truncated: false });
  const file = join(api.sandbox.work, "page.html");
  await writeFile(file, page);
  const { pid } = await api.post("launch", { app: "chromium", args: [file], wait: true });
  const elements = async (query = ""): Promise<readonly Node[]> =>
    flat((await api.get(`tree${query}`)).nodes);
  const named = async (name: string) => (await elements()).find((node) => node.name === name);
  // Waits for a page that is still loading; the click changes nothing.
  await api.post("tree/click", { name: "nothing", timeoutMs: 30_000 });

  await t.test("tells roles, names and values of what is on the screen", async () => {
    const all = await elements();
    const press = all.find(({ name }) => name === "Press");
    assert.equal(press?.role, "push button");
    assert.equal(all.find(({ name }) => name === "City")?.value, "Ulm");
    assert.equal(all.find(({ name }) => name === "Secret")?.value, undefined);
    assert.equal(
      all.some(({ name }) => name === "Below"),
      false,
    );
    assert.ok((await elements("?showHidden=true")).some(({ name }) => name === "Below"));
    const few = await api.get("tree?maxNodes=5");
    assert.equal(flat(few.nodes).length, 5);
    assert.equal(few.truncated, true);
    await api.get("tree?maxNodes=0", 400);
    await api.get("tree?showHidden=maybe", 400);
  });

  await t.test("clicks by name and by id", async () => {
    const { node, position } = await api.post("tree/click", { name: "press" });
    assert.equal(node.name, "Press");
    assert.equal(position.x, Math.floor((2 * node.bounds.x + node.bounds.width) / 2));
    await until("the page has noticed", async () => (await named("it was pressed")) !== undefined);
    const city = await named("City");
    await api.post("tree/click", { id: city?.id });
    await until(
      "the field has the focus",
      async () => (await named("City"))?.states.includes("focused") ?? false,
    );
    await api.post("keyboard/press", { key: "ctrl+a" });
    await api.post("keyboard/type", { text: "Bonn" });
    await until("the text has arrived", async () => (await named("City"))?.value === "Bonn");
  });

  await t.test("refuses what it cannot click", async () => {
    assert.equal((await api.post("tree/click", { name: "Nothing" }, 404)).code, "accessible_not_found");
    assert.equal(
      (await api.post("tree/click", { name: "Press", role: "link" }, 404)).code,
      "accessible_not_found",
    );
    const many = await api.post("tree/click", { name: "More" }, 409);
    assert.equal(many.code, "accessible_ambiguous");
    assert.equal(many.candidates.length, 2);
    const below = (await elements("?showHidden=true")).find(({ name }) => name === "Below");
    assert.equal((await api.post("tree/click", { id: below?.id }, 409)).code, "accessible_hidden");
    assert.equal((await api.post("tree/click", { id: ":9.9/gone" }, 404)).code, "accessible_not_found");
    await api.post("tree/click", { id: "Press" }, 400);
    await api.post("tree/click", { id: ":1.1/a", name: "Press" }, 400);
    await api.post("tree/click", { name: "Press", clickCount: 0 }, 400);
    await api.post("tree/click", { name: "Press", timeoutMs: 30_001 }, 400);
    await api.post("tree/click", {}, 422);
  });

  await t.test("does not wait for a program that hangs", async () => {
    process.kill(pid, "SIGSTOP");
    try {
      const [program] = (await api.get("tree")).nodes as readonly Node[];
      assert.equal(program?.unresponsive, true);
    } finally {
      process.kill(pid, "SIGCONT");
    }
    assert.ok(await named("Press"));
  });
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseEntry } from "./desktop-entry.ts";
import { installedApps } from "./installed.ts";

function entry(lines: string): string {
  return `# A comment\n[Desktop Entry]\nType=Application\n${lines}\n[Desktop Action New]\nName=Other\nExec=other\n`;
}

test("an entry tells its name and command, without the codes for files", () => {
  assert.deepEqual(parseEntry(entry("Name=Web\nName[de]=Netz\nExec = web --new %U\nTerminal=false")), {
    name: "Web",
    command: ["web", "--new"],
  });
  const quoted = String.raw`Name=Two\sWords
Exec="/opt/my app/run" --title="a \\"quoted\\" \\$ word" 100%% plain`;
  assert.deepEqual(parseEntry(entry(quoted)), {
    name: "Two Words",
    command: ["/opt/my app/run", '--title=a "quoted" $ word', "100%", "plain"],
  });
});

test("what cannot be launched with a window is no application", () => {
  for (const lines of [
    "Exec=web",
    "Name=Web",
    "Name=Web\nExec=web\nNoDisplay=true",
    "Name=Web\nExec=web\nHidden=true",
    "Name=Vim\nExec=vim %F\nTerminal=true",
    'Name=Web\nExec=web "open',
    "Name=Web\nExec=web\nType=Link",
  ]) {
    assert.equal(parseEntry(entry(lines)), undefined, lines);
  }
  assert.equal(parseEntry("Name=Web\nExec=web\nType=Application"), undefined);
  assert.equal(parseEntry(""), undefined);
});

test("installed applications are those whose program is there; the person's own entry counts first", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-apps-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const [own, shared, bin] = ["own", "shared", "bin"].map((name) => join(directory, name));
  for (const each of [own, shared]) await mkdir(join(each ?? "", "applications"), { recursive: true });
  await mkdir(bin ?? "");
  for (const program of ["web", "paint"]) {
    await writeFile(join(bin ?? "", program), "#!/bin/sh\n");
    await chmod(join(bin ?? "", program), 0o755);
  }
  const write = (place: string | undefined, name: string, lines: string) =>
    writeFile(join(place ?? "", "applications", name), entry(lines));
  await write(shared, "web.desktop", "Name=Zebra\nExec=/nowhere/web %U");
  await write(shared, "paint.desktop", "Name=Paint\nExec=paint --shared");
  await write(own, "paint.desktop", "Name=Paint\nExec=paint --own");
  await write(own, "gone.desktop", "Name=Gone\nExec=gone");
  await write(own, "large.desktop", `Name=Large\nExec=web\nX-Large=${"x".repeat(65_536)}`);
  await write(own, "readme.txt", "Name=Readme\nExec=web");
  execFileSync("mkfifo", [join(own ?? "", "applications", "pipe.desktop")]);
  const env = { PATH: bin ?? "", XDG_DATA_HOME: own ?? "", XDG_DATA_DIRS: `relative:${shared}` };
  assert.deepEqual(await installedApps(env), [
    { name: "Paint", app: "paint", args: ["--own"] },
    { name: "Zebra", app: "web", args: [] },
  ]);
  assert.deepEqual(await installedApps({ PATH: bin ?? "", XDG_DATA_DIRS: "/nowhere" }), []);
});

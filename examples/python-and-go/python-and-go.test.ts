import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { setup } from "holdfast";
import { shop } from "./actors.ts";

const run = promisify(execFile);
const here = import.meta.dirname;
const command = join(here, "..", "..", "packages", "holdfast", "bin", "holdfast.js");

describe("clients in other languages", () => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-python-and-go-"));
  const registry = setup({
    ...{ use: { shop }, dataDirectory: join(directory, "data"), noWelcome: true },
    shutdown: { disableSignalHandlers: true },
  });
  let url = "";
  before(async () => {
    ({ url } = await registry.listen({ host: "127.0.0.1", port: 0 }));
  });
  after(async () => {
    await registry.shutdown();
    rmSync(directory, { recursive: true, force: true });
  });

  async function generate(...args: readonly string[]): Promise<unknown> {
    const { stdout } = await run(process.execPath, [command, "generate", ...args, "--url", url, "--json"]);
    return JSON.parse(stdout);
  }

  test("Python buys, listens, sends and reads errors, with the standard library alone", async () => {
    const file = join(directory, "actors.py");
    assert.deepEqual(await generate("python", "--out", file), { file, language: "python", actors: ["shop"] });
    cpSync(join(here, "shop.py"), join(directory, "shop.py"));
    const { stdout } = await run("python3", ["-I", "-c", start, directory, url], { timeout: 60_000 });
    assert.deepEqual(stdout.trim().split("\n"), [
      "id is stable True",
      "bought lamp for 9.5 left 1",
      "heard chair",
      "error user sold_out Sold out {'name': 'none'} 400",
      "values True",
      "date True",
      "queue {'status': 'completed', 'response': {'number': 1}}",
      "raw POST body",
      "keyword a word that Python keeps to itself",
    ]);
  });

  test("a mistake in the command is named", async () => {
    const failed = (...args: readonly string[]): Promise<string> =>
      run(process.execPath, [command, "generate", ...args]).then(
        () => "",
        ({ stderr }: { stderr: string }) => stderr,
      );
    assert.match(await failed("rust", "--url", url), /There is no client for "rust"/);
    assert.match(
      await failed("python", "--url", url, "--out", join(directory, "none", "a.py")),
      /generate\.cannot_write/,
    );
    assert.match(await failed("python", "--data", join(directory, "empty")), /client\.network_error/);
  });

  test("Go does the same", async (t) => {
    const file = join(directory, "actors.go");
    await generate("go", "--out", file, "--package", "main");
    const text = readFileSync(file, "utf8");
    assert.match(
      text,
      /func \(a \*Shop\) Buy\(ctx context\.Context, arg1 ShopBuyArgument\) \(ShopBuyResult, error\)/,
    );
    assert.match(text, /Tags \[\]string +`json:"tags,omitempty"`/);
    if (!hasGo()) {
      t.diagnostic("Go is not installed: the file was written, and neither compiled nor run");
      return;
    }
    cpSync(join(here, "shop.go"), join(directory, "shop.go"));
    writeFileSync(join(directory, "go.mod"), "module shop\n\ngo 1.18\n");
    const cache = {
      GOCACHE: join(directory, "go-cache"),
      GOPATH: join(directory, "go-path"),
      GOFLAGS: "-mod=mod",
    };
    const options = { cwd: directory, timeout: 120_000, env: { ...process.env, ...cache } };
    await run("go", ["vet", "."], options);
    const { stdout } = await run("go", ["run", ".", url], options);
    assert.deepEqual(stdout.trim().split("\n"), [
      "id is stable true",
      "bought lamp for 9.5 left 1",
      "heard true",
      "error user sold_out Sold out map[name:none] 400",
      "values true [$tag 1] <nil> 1.5",
      "queue completed map[number:1]",
      "raw POST body",
    ]);
  });
});

/** Isolated: the module of this example is the only one beside the standard library. */
const start =
  "import runpy, sys; sys.path.insert(0, sys.argv[1]); sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0] + '/shop.py')";

function hasGo(): boolean {
  try {
    execFileSync("go", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/**
 * Program of a process that runs several test files, named by its arguments, one after the other: a suite for each,
 * named by its path, which holds the file's tests and hooks. A file that leaves the process changed fails, so that
 * the next one starts as it would alone.
 */
import { resolve } from "node:path";
import { after, suite } from "node:test";
import { root } from "../workspace.ts";

const environment = { ...process.env };
const directory = process.cwd();

/** What libraries set when they are loaded, and later ones do not read: sharp. */
const setByLibraries: ReadonlySet<string> = new Set(["VIPSHOME"]);

/** Throws if the file changed what all files of this process share, once that is restored. */
function checkProcess(): void {
  const names = new Set([...Object.keys(environment), ...Object.keys(process.env)]);
  const changed = [...names].filter(
    (name) => process.env[name] !== environment[name] && !setByLibraries.has(name),
  );
  for (const name of changed) {
    const value = environment[name];
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  const moved = process.cwd() !== directory;
  if (moved) process.chdir(directory);
  if (moved) throw new Error("The file left the process in another working directory");
  if (changed.length > 0)
    throw new Error(`The file left environment variables changed: ${changed.join(", ")}`);
}

// Some tests wait for what keeps no process alive.
const alive = setInterval(() => undefined, 60_000);
for (const path of process.argv.slice(2)) {
  // Each is loaded when the one before it has ended.
  await suite(path, async () => {
    await import(resolve(root, path));
    // Hooks run in the order of their registration: those of the file have run by then.
    after(checkProcess);
  });
}
clearInterval(alive);

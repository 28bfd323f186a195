/**
 * `npm run exports`: builds what is published and checks it: whole, declared, loadable, typed, runnable, and
 * small enough to install.
 */
import { join } from "node:path";
import {
  checkCommand,
  checkContents,
  checkEngines,
  checkExports,
  checkImports,
  programs,
  staging,
} from "./checks.ts";
import { checkDeclarations } from "./declarations.ts";
import { checkInstalls } from "./installs.ts";
import { isModule, stagePackages } from "./stage.ts";

const packages = await stagePackages();
checkContents(packages);
checkEngines(packages);
checkImports(packages);
checkExports(packages);
checkDeclarations(
  packages,
  (item) => join(staging, "packages", item.folder),
  (specifier, source) => !programs.includes(specifier) && isModule(source),
);
checkCommand();
await checkInstalls();
console.log(`exports: ${packages.length} packages build and load`);

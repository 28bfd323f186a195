/** Reads the exports of modules with TypeDoc: their types, and what their comments say. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Application, type DeclarationReflection, LogLevel, ReflectionKind } from "typedoc";
import { root } from "../places.ts";

/** The exports of each module by its file. A module alone is the project itself in TypeDoc's model. */
export async function convertModules(
  files: readonly string[],
): Promise<ReadonlyMap<string, readonly DeclarationReflection[]>> {
  const tsconfig = join(root, ".cache", "api", "tsconfig.json");
  mkdirSync(dirname(tsconfig), { recursive: true });
  writeFileSync(
    tsconfig,
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      compilerOptions: {
        jsx: "react-jsx",
        lib: ["es2024", "dom", "dom.iterable", "esnext.disposable", "esnext.iterator", "esnext.array"],
      },
      files,
      include: [],
    }),
  );
  const app = await Application.bootstrap({
    ...{ entryPoints: [...files], tsconfig, readme: "none", logLevel: LogLevel.Error },
    // `npm run types` has checked them.
    ...{ skipErrorChecking: true, disableGit: true, sourceLinkTemplate: "{path}" },
    ...{ excludeInternal: true, excludePrivate: true, excludeProtected: true, excludeExternals: true },
    sort: ["source-order"],
  });
  const project = await app.convert();
  if (project === undefined) throw new Error("TypeDoc could not read the modules");
  const modules = project.children?.filter(({ kind }) => kind === ReflectionKind.Module) ?? [];
  return new Map(
    modules.map((module) => [module.sources?.[0]?.fullFileName ?? module.name, module.children ?? []]),
  );
}

/** Reads the exports of modules with TypeDoc: their types, and what their comments say. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
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
  for (const module of modules) removeModuleComment(module);
  return new Map(
    modules.map((module) => [module.sources?.[0]?.fullFileName ?? module.name, module.children ?? []]),
  );
}

/** TypeDoc takes the comment at the top of a file for one of the first export, although it is about the file. */
function removeModuleComment({ sources, children = [] }: DeclarationReflection): void {
  const file = sources?.[0]?.fullFileName;
  const source = file === undefined ? "" : readFileSync(file, "utf8");
  const [, first, space = ""] = /^\/\*\*\s([\s\S]*?)\*\/(\s*)/.exec(source) ?? [];
  if (first === undefined) return;
  const text = wordsOf(first);
  for (const item of children) {
    const isOfFile = space.length > 1 || item.sources?.[0]?.fullFileName !== file;
    const comment = (item.comment?.summary ?? []).map((part) => part.text).join("");
    if (isOfFile && wordsOf(comment) === text) delete item.comment;
  }
}

function wordsOf(comment: string): string {
  return comment
    .replace(/^\s*\*/gm, " ")
    .replace(/\s+/g, " ")
    .trim();
}

import { type LoadFnOutput, stripTypeScriptTypes } from "node:module";
import { compileFunction } from "node:vm";

const runtime = new URL("./", import.meta.url).href;

/** Wrapper of CommonJS modules. */
const wrapper = ["exports", "require", "module", "__filename", "__dirname"];

/**
 * Whether a file cannot be CommonJS, whatever the nearest `package.json` says: `npm init` declares every folder
 * CommonJS.
 */
function isModule(text: string): boolean {
  if (!/^[ \t]*(?:import|export)\b/m.test(text)) return false;
  try {
    compileFunction(text, wrapper);
    return false;
  } catch {
    return true;
  }
}

/** The same for TypeScript. A file that exports only types is a module too. */
function isTypedModule(text: string): boolean {
  if (typeNames(text).length > 0 && !/\b(?:module|exports)\b|\brequire\(|^export\s*=/m.test(text))
    return true;
  try {
    return isModule(stripTypeScriptTypes(text, { mode: "transform" }));
  } catch {
    // Node reports the problem.
    return false;
  }
}

/**
 * Names of types that a file exports and that are not also values: Node requires them if another file imports one
 * without the word `type`.
 */
function typeNames(text: string): string[] {
  const names = [...text.matchAll(/^export\s+(?:interface|type)\s+([A-Za-z_][A-Za-z0-9_]*)/gm)];
  return [...new Set(names.flatMap(([, name]) => name ?? []))].filter(
    (name) => !new RegExp(`\\b(?:const|let|var|class|function|enum|namespace)\\s+${name}\\b`).test(text),
  );
}

/** The file last passed to Node: Node's error for an unparsable module does not name it. */
let last: { readonly url: string; readonly text: string } | undefined;

/** Location of a file that Node could not parse, and the unsupported syntax in it. */
export function lastOwnSource(): { readonly url: string; readonly decorators: boolean } | undefined {
  return last === undefined
    ? undefined
    : { url: last.url, decorators: /(?:^|[;{}])\s*@[A-Za-z_]/m.test(last.text) };
}

/** Adapts a plugin's source file for Node, in cases that only compilers and bundlers accept. */
export function ownSource(url: string, loaded: LoadFnOutput): LoadFnOutput {
  const { source } = loaded;
  const own = url.startsWith("file:") && !url.startsWith(runtime) && !url.includes("/node_modules/");
  if (!own || source === undefined || source === null) return loaded;
  const text = typeof source === "string" ? source : Buffer.from(source as Uint8Array).toString();
  last = { url, text };
  switch (loaded.format) {
    case "commonjs":
      return isModule(text) ? { ...loaded, format: "module" } : loaded;
    case "commonjs-typescript":
      return isTypedModule(text) ? moduleOf(loaded, text) : loaded;
    case "module-typescript":
      return moduleOf(loaded, text);
    default:
      return loaded;
  }
}

function moduleOf(loaded: LoadFnOutput, text: string): LoadFnOutput {
  const names = typeNames(text);
  const values =
    names.length === 0 ? "" : `\nexport const ${names.map((name) => `${name} = undefined`).join(", ")};\n`;
  return { ...loaded, format: "module-typescript", source: text + values };
}

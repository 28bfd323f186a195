import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Plugin, UserConfig } from "vite";

/**
 * Vite configuration that builds a package's web app from `src/web` to `dist/web`. `config` is the URL of the
 * package's `vite.config.ts`; `base` is the URL path that serves the app. `scripts` are further entries, by the names that
 * they have at its root; the files of the folder `files` are copied there.
 */
export function webApp({ config, base, scripts = {}, files }: WebAppBuild): UserConfig {
  const ownScripts = Object.values(scripts).map((path) => fileURLToPath(new URL(path, config)));
  return {
    plugins: files === undefined ? [] : [copyFiles(fileURLToPath(new URL(files, config)))],
    root: fileURLToPath(new URL("src/web", config)),
    base,
    publicDir: fileURLToPath(new URL("../public", import.meta.url)),
    build: {
      outDir: fileURLToPath(new URL("dist/web", config)),
      emptyOutDir: true,
      target: "es2024",
      // The Content-Security-Policy allows no inline scripts or data URLs, so every asset is a file.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      // A test of the Studio limits what the first screen needs.
      chunkSizeWarningLimit: 700,
      // Ignore the "use client" directive of libraries.
      rolldownOptions: {
        checks: { moduleLevelDirective: false },
        input: {
          index: fileURLToPath(new URL("src/web/index.html", config)),
          ...Object.fromEntries(
            Object.entries(scripts).map(([name, path]) => [name, fileURLToPath(new URL(path, config))]),
          ),
        },
        output: {
          entryFileNames: ({ name }) => (name in scripts ? "[name].js" : "assets/[name]-[hash].js"),
          // One file has all that the first screen needs. Left to itself, the bundler makes sixty of it, as other
          // parts of the app import some of its modules.
          codeSplitting: {
            groups: [{ name: "app", tags: ["$initial"], test: (id) => !ownScripts.includes(id) }],
          },
        },
      },
    },
  };
}

interface WebAppBuild {
  readonly config: string;
  readonly base: string;
  /** Paths of scripts from the configuration, by their names without extension. */
  readonly scripts?: Readonly<Record<string, string>>;
  /** Path of a folder from the configuration. */
  readonly files?: string;
}

/** Files with fixed names beside those that every app has: browsers and systems ask for them. */
function copyFiles(folder: string): Plugin {
  return {
    name: "copy-files",
    generateBundle() {
      for (const fileName of readdirSync(folder))
        this.emitFile({ type: "asset", fileName, source: readFileSync(`${folder}/${fileName}`) });
    },
  };
}

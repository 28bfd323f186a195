import { fileURLToPath } from "node:url";
import type { UserConfig } from "vite";

/**
 * Builds the web app of a package from its `src/web` to its `dist/web`. `config` is the URL of the
 * package's `vite.config.ts`; `base` is the path below which a server serves the app.
 */
export function webApp({ config, base }: { readonly config: string; readonly base: string }): UserConfig {
  return {
    root: fileURLToPath(new URL("src/web", config)),
    base,
    publicDir: fileURLToPath(new URL("../public", import.meta.url)),
    build: {
      outDir: fileURLToPath(new URL("dist/web", config)),
      emptyOutDir: true,
      target: "es2024",
      // The page is served under a policy without inline scripts or data URLs, so every asset is a file.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      // "use client" at the top of a library's file means nothing here.
      rolldownOptions: { checks: { moduleLevelDirective: false } },
    },
  };
}

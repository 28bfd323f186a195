import { fileURLToPath } from "node:url";
import type { UserConfig } from "vite";

/**
 * Vite configuration that builds a package's web app from `src/web` to `dist/web`. `config` is the URL of the
 * package's `vite.config.ts`; `base` is the URL path that serves the app.
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
      // The Content-Security-Policy allows no inline scripts or data URLs, so every asset is a file.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      // Ignore the "use client" directive of libraries.
      rolldownOptions: { checks: { moduleLevelDirective: false } },
    },
  };
}
